import { describe, expect, test } from "bun:test";
import type { NodeReport } from "../../../src/api/node.ts";
import { renderTransfer } from "../../../src/cli/ui/progress-bar.ts";
import { createPullView } from "../../../src/cli/ui/pull-view.ts";
import { startSpinner } from "../../../src/cli/ui/spinner.ts";
import { createTransferRate } from "../../../src/cli/ui/transfer-rate.ts";
import { showWait, waitWords } from "../../../src/cli/ui/wait-view.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { memoryOutput } from "../../fakes/memory-output.ts";
import { screenOf } from "../../fakes/screen.ts";

const label = "pulling 0d886197aad6:";
const digest = `sha256:0d886197aad6${"0".repeat(52)}`;
const other = `sha256:ffffffffffff${"0".repeat(52)}`;

describe("renderTransfer", () => {
  const transfer = { label, totalBytes: 300e6, completedBytes: 139e6, bytesPerSecond: 28e6 };

  test("has Ollama's look", () => {
    expect(renderTransfer(transfer, 80)).toBe(
      "pulling 0d886197aad6:  46% ▕████████          ▏ 139 MB/300 MB   28 MB/s      5s",
    );
    expect(renderTransfer({ ...transfer, bytesPerSecond: 0 }, 80)).toBe(
      `pulling 0d886197aad6:  46% ▕████████          ▏ 139 MB/300 MB${" ".repeat(18)}`,
    );
    expect(renderTransfer({ ...transfer, completedBytes: 300e6 }, 80).trimEnd()).toBe(
      "pulling 0d886197aad6: 100% ▕██████████████████▏ 300 MB",
    );
  });

  test.each([20, 40, 60, 61, 62, 80, 200])("fits %i columns at every moment", (columns) => {
    for (const completedBytes of [0, 1, 139e6, 299_999_999, 300e6]) {
      for (const bytesPerSecond of [0, 1, 28e6, 9.99e12]) {
        const line = renderTransfer({ ...transfer, completedBytes, bytesPerSecond }, columns);
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test.each<[number, string]>([
    [59, "59s"],
    [65, "1m5s"],
    [3_600 * 2 + 180 + 5, "2h3m"],
    [3_600 * 100, "99h+"],
  ])("%d seconds left are %p", (seconds, text) => {
    const line = renderTransfer({ label, totalBytes: seconds * 1000, completedBytes: 0, bytesPerSecond: 1000 }, 100);
    expect(line).toEndWith(` ${text}`);
  });

  test("is never 100 % before the end, and nothing is known of an unknown size", () => {
    expect(renderTransfer({ ...transfer, completedBytes: 299_999_999 }, 80)).toContain("  99% ");
    expect(renderTransfer({ ...transfer, totalBytes: 0, completedBytes: 0 }, 80)).toContain("   0% ");
  });
});

describe("createTransferRate", () => {
  test("is the mean over ten seconds, and an earlier pull's bytes are no speed", () => {
    const rate = createTransferRate();
    expect(rate.bytesPerSecond(0)).toBe(0);
    rate.note(500e6, 0);
    expect(rate.bytesPerSecond(900)).toBe(0);
    rate.note(510e6, 1000);
    expect(rate.bytesPerSecond(1000)).toBe(10e6);
    rate.note(530e6, 2000);
    expect(rate.bytesPerSecond(2000)).toBe(15e6);
    for (let second = 3; second <= 30; second++) rate.note(530e6 + (second - 2) * 1e6, second * 1000);
    expect(rate.bytesPerSecond(30_000)).toBe(1e6);
  });

  test("falls while nothing comes", () => {
    const rate = createTransferRate();
    rate.note(0, 0);
    rate.note(10e6, 1000);
    expect(rate.bytesPerSecond(5000)).toBe(2e6);
  });
});

describe("createPullView", () => {
  const open = (size = {}) => {
    const clock = manualClock();
    const output = memoryOutput({ isTty: true, ...size });
    return { clock, output, view: createPullView(output, clock) };
  };
  const blob = (completed: number, of = digest) => ({ status: "pulling", digest: of, total: 300e6, completed });

  test("redraws in place: one line a status and a blob, in the order of their first appearance", async () => {
    const { clock, output, view } = open();
    await view.take({ status: "pulling manifest" });
    await view.take(blob(0));
    await view.take(blob(0, other));
    for (let second = 1; second <= 10; second++) {
      await clock.advance(1000);
      await view.take(blob(second * 30e6));
    }
    await view.take(blob(300e6, other));
    await view.take({ status: "verifying sha256 digest" });
    await view.take({ status: "writing manifest" });
    await view.take({ status: "success" });
    await view.end(true);
    const lines = screenOf(output.text);
    expect(lines.map((line) => line.replace(/ *▕█+▏ */, " "))).toEqual([
      "pulling manifest",
      "pulling 0d886197aad6: 100% 300 MB",
      "pulling ffffffffffff: 100% 300 MB",
      "verifying sha256 digest",
      "writing manifest",
      "success",
      "",
    ]);
    expect(output.text.indexOf("\x1b[?25l")).toBe(0);
    expect(output.text).toEndWith("\x1b[?25h");
  });

  test("a step that counts has a bar of its own, in place of its first line", async () => {
    const { clock, output, view } = open();
    await view.take({ status: "converting to BF16" });
    for (const completed of [1e6, 2e6, 1e6, 4e6])
      await view.take({ status: "converting to BF16", total: 4e6, completed });
    await view.take({ status: "quantizing to Q4_K_M" });
    await clock.advance(1000);
    await view.take({ status: "quantizing to Q4_K_M", total: 4e6, completed: 1e6 });
    await view.end(false);
    const [converting, quantizing, ...rest] = screenOf(output.text);
    expect(converting).toMatch(/^converting to BF16: 100% ▕█+▏ +4 MB$/);
    expect(quantizing).toMatch(/^quantizing to Q4_K_M: +25% ▕█+ +▏ +1 MB\/ *4 MB/);
    expect(rest).toEqual([""]);
  });

  test("draws ten times a second at most, however fast the records come, and stops at its end", async () => {
    const { clock, output, view } = open();
    let draws = 0;
    const write = output.write;
    output.write = (text) => {
      if (text.includes("\x1b[K")) draws++;
      return write(text);
    };
    for (let record = 0; record < 1000; record++) {
      await view.take(blob(record * 1000));
      await clock.advance(1);
    }
    expect(draws).toBeLessThanOrEqual(11);
    expect(draws).toBeGreaterThanOrEqual(10);
    await view.end(false);
    const atEnd = draws;
    await clock.advance(5000);
    await view.end(false);
    expect(draws).toBe(atEnd);
  });

  test("a count never goes back, and the spinner turns on the last line alone", async () => {
    const { clock, output, view } = open();
    await view.take({ status: "pulling manifest" });
    expect(screenOf(output.text)[0]).toMatch(/^pulling manifest [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]$/);
    await view.take(blob(200e6));
    await view.take(blob(100e6));
    await clock.advance(100);
    expect(screenOf(output.text)[0]).toBe("pulling manifest");
    expect(screenOf(output.text)[1]).toContain(" 66% ");
    await view.end(false);
  });

  test("more lines than the window holds: the newest stay, the redraw never leaves the screen", async () => {
    const { clock, output, view } = open({ rows: 5 });
    for (let index = 0; index < 12; index++) {
      await view.take(blob(1, `sha256:${String(index).padStart(64, "0")}`));
      await clock.advance(100);
    }
    await view.end(true);
    expect(screenOf(output.text).filter((line) => line !== "")).toHaveLength(4);
  });

  test("without a terminal no control character is written", async () => {
    const output = memoryOutput();
    const view = createPullView(output, manualClock());
    await view.take({ status: "pulling\x1b[2J manifest" });
    await view.take({ status: "pulling", digest, total: 0 });
    await view.take(blob(299e6));
    await view.take({ status: "success" });
    await view.end(true);
    expect(output.text).toBe("pulling[2J manifest\npulling 0d886197aad6: 90% 299 MB/300 MB\nsuccess\n");
  });

  test("a pull that never began leaves the terminal alone", async () => {
    const { output, view } = open();
    await view.end(false);
    expect(output.text).toBe("");
  });
});

describe("startSpinner", () => {
  test("turns until it is stopped, then nothing of it is left", async () => {
    const clock = manualClock();
    const output = memoryOutput({ isTty: true });
    const spinner = await startSpinner(output, clock);
    const first = screenOf(output.text)[0];
    await clock.advance(100);
    expect(screenOf(output.text)[0]).not.toBe(first);
    await spinner.stop();
    const { text } = output;
    expect(screenOf(text)).toEqual([""]);
    expect(text).toEndWith("\x1b[?25h");
    await spinner.stop();
    await clock.advance(1000);
    expect(output.text).toBe(text);
  });

  test("writes nothing without a terminal", async () => {
    const output = memoryOutput();
    await (await startSpinner(output, manualClock())).stop();
    expect(output.text).toBe("");
  });
});

describe("showWait", () => {
  const model = { digest: "d" } as NodeReport["models"][number];
  const loading = (progress: number, digest = "d") => ({ models: [], loading: [{ name: "m", digest, progress }] });

  const open = async (report: () => Pick<NodeReport, "loading" | "models">, { isTty = true, digest = "d" } = {}) => {
    const clock = manualClock();
    const output = memoryOutput({ isTty });
    let asked = 0;
    const client = {
      async node() {
        asked++;
        return report() as NodeReport;
      },
    };
    const wait = await showWait({ client, digest, output, clock });
    const line = () =>
      screenOf(output.text)
        .join("")
        .replace(/^\S+ ?/, "");
    return { clock, output, wait, line, asked: () => asked };
  };

  test.each([
    [loading(0.419), "loading model 41 %"],
    [loading(1), "loading model 100 %"],
    [loading(0.4, "other"), ""],
    [{ models: [model], loading: [] }, "reading prompt"],
    [{ models: [model] }, "reading prompt"],
    [{ models: [] }, ""],
  ])("words of a wait: %j is %j", (report, words) => expect(waitWords(report, "d")).toBe(words));

  test("tells how far the load is, then that the prompt is read, and leaves nothing", async () => {
    let report: Pick<NodeReport, "loading" | "models"> = loading(0.1);
    const { clock, output, wait, line, asked } = await open(() => report);
    await clock.advance(200);
    expect([line(), asked()]).toEqual(["", 0]);
    await clock.advance(200);
    expect(line()).toBe("loading model 10 %");
    report = { models: [model], loading: [] };
    await clock.advance(700);
    expect(line()).toBe("reading prompt");
    await wait.end();
    const before = asked();
    await clock.advance(5_000);
    expect([screenOf(output.text), asked()]).toEqual([[""], before]);
  });

  test("takes a name from outside, and asks no more", async () => {
    const { clock, wait, line, asked } = await open(() => loading(0.1));
    wait.say("thinking");
    await clock.advance(1_000);
    expect([line(), asked()]).toEqual(["thinking", 0]);
    await wait.end();
  });

  test("asks a server that has no report once, and has no words", async () => {
    const { clock, line, asked } = await open(() => {
      throw new Error("404");
    });
    await clock.advance(3_000);
    expect([line(), asked()]).toEqual(["", 1]);
  });

  test("asks nothing without a terminal", async () => {
    const { clock, output, asked } = await open(() => loading(0.1), { isTty: false });
    await clock.advance(3_000);
    expect([output.text, asked()]).toEqual(["", 0]);
  });
});
