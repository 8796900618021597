import { describe, expect, test } from "bun:test";
import { humanDuration, humanTime } from "../../../src/cli/ui/human-time.ts";
import { renderModel } from "../../../src/cli/ui/model-sheet.ts";
import { printable } from "../../../src/cli/ui/printable.ts";
import { renderTable } from "../../../src/cli/ui/table.ts";
import { goDuration, renderTimings } from "../../../src/cli/ui/timings.ts";
import { shownModel } from "../../fakes/fake-node.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each<[number, string]>([
  [0, "Less than a second"],
  [999, "Less than a second"],
  [second, "1 second"],
  [59.9 * second, "59 seconds"],
  [minute, "About a minute"],
  [119 * second, "About a minute"],
  [2 * minute, "2 minutes"],
  [59.9 * minute, "59 minutes"],
  [hour, "About an hour"],
  [89 * minute, "About an hour"],
  [90 * minute, "2 hours"],
  [47 * hour, "47 hours"],
  [48 * hour, "2 days"],
  [13 * day, "13 days"],
  [14 * day, "2 weeks"],
  [59 * day, "8 weeks"],
  [60 * day, "2 months"],
  [729 * day, "24 months"],
  [730 * day, "2 years"],
])("humanDuration(%d) is %p", (ms, words) => {
  expect(humanDuration(ms)).toBe(words);
});

test("humanTime looks both ways and knows Never and Forever", () => {
  const now = Date.parse("2026-08-21T10:00:00Z");
  expect(humanTime("2026-08-21T08:00:00.123456789Z", now, "Never")).toBe("2 hours ago");
  expect(humanTime("2026-08-21T12:04:30+02:00", now, "Never")).toBe("4 minutes from now");
  expect(humanTime("0001-01-01T00:00:00Z", now, "Never")).toBe("Never");
  expect(humanTime("", now, "Never")).toBe("Never");
  expect(humanTime("2318-01-01T00:00:00Z", now, "Never")).toBe("Forever");
});

describe("renderTable", () => {
  const columns = [{ title: "NAME" }, { title: "ID", gap: 2 }, { title: "SIZE" }];

  test("pads by what a terminal shows, without spaces at the end", () => {
    const rows = [
      ["日本語モデル", "1f2e", "1 GB"],
      ["a", "b", ""],
    ];
    expect(renderTable(columns, rows)).toBe(
      ["NAME            ID    SIZE", "日本語モデル    1f2e  1 GB", "a               b", ""].join("\n"),
    );
  });

  test("prints its header alone when there is nothing", () => {
    expect(renderTable(columns, [])).toBe("NAME    ID  SIZE\n");
  });

  test("a name cannot steer the terminal", () => {
    expect(renderTable([{ title: "A" }], [["x\x1b[2J\x07\ny"]])).toBe("A\nx[2J y\n");
  });
});

test("printable keeps one line and no control characters", () => {
  expect(printable("a\r\n\tb\x00\x9bc\x7f 日本")).toBe("a bc 日本");
});

test.each<[number, string]>([
  [800, "800ns"],
  [1_500, "1.5µs"],
  [12_500_000, "12.5ms"],
  [1_234_567_891, "1.234567891s"],
  [60_100_000_000, "1m0.1s"],
  [62_500_000_000, "1m2.5s"],
  [3_723_000_000_000, "1h2m3s"],
])("goDuration(%d) is %p", (ns, text) => {
  expect(goDuration(ns)).toBe(text);
});

test("timings leave out what was not measured", () => {
  expect(renderTimings({ total_duration: 2_000_000_000, eval_count: 3 })).toBe(
    "total duration:       2s\neval count:           3 token(s)\n",
  );
  expect(renderTimings({})).toBe("");
});

test("a model's sheet leaves out empty sections and shows the first lines of long texts", () => {
  const { license: _license, parameters: _parameters, size: _size, ...bare } = shownModel({ capabilities: [] });
  expect(renderModel({ ...bare, model_info: {}, system: "You are\x1b[31m kind.\n\n\nSpeak softly." })).toBe(
    [
      "  Model",
      "    architecture    llama",
      "    parameters      3.2B",
      "    quantization    Q4_K_M",
      "    format          gguf",
      "",
      "  System",
      "    You are[31m kind.",
      "    Speak softly.",
      "",
      "",
    ].join("\n"),
  );
});

test("a model's sheet shows its projector, with the lengths of the encoder that it has", () => {
  const {
    license: _license,
    parameters: _parameters,
    ...bare
  } = shownModel({ capabilities: ["completion", "vision"] });
  const projector = { "general.architecture": "clip", "general.parameter_count": 851_251_200 };
  const vision = { ...projector, "clip.vision.embedding_length": 1152, "clip.vision.projection_dim": 2048 };
  expect(renderModel({ ...bare, projector_info: vision })).toContain(
    [
      "  Projector",
      "    architecture        clip",
      "    parameters          851M",
      "    embedding length    1152",
      "    dimensions          2048",
      "",
    ].join("\n"),
  );
  const audio = { ...projector, "clip.audio.embedding_length": 1280 };
  expect(renderModel({ ...bare, projector_info: audio })).toContain("    embedding length    1280\n\n");
});
