import { afterEach, beforeEach, expect, test } from "bun:test";
import { type CliWorld, openCliWorld } from "../fakes/cli-process.ts";
import { type FakeNode, ndjson, startFakeNode } from "../fakes/fake-node.ts";

const digest = `sha256:0d886197aad6${"0".repeat(52)}`;
const blob = (completed: number) => ({ status: "pulling 0d886197aad6", digest, total: 300_000_000, completed });
const records = [
  { status: "pulling manifest" },
  ...[0, 30_000_000, 20_000_000, 139_000_000, 140_000_000, 300_000_000].map(blob),
  { status: "verifying sha256 digest" },
  { status: "writing manifest" },
  { status: "success" },
];

let node: FakeNode;
let world: CliWorld;

beforeEach(() => {
  node = startFakeNode({ "POST /api/pull": () => ndjson(records) });
  world = openCliWorld(node.host);
});

afterEach(async () => {
  world[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

test("without a terminal: one plain line a status and a tenth of a blob, on stderr", async () => {
  expect(await world.run(["node", "pull", "org/model"])).toEqual({
    stdout: "",
    stderr: [
      "pulling manifest",
      "pulling 0d886197aad6: 0% 0 B/300 MB",
      "pulling 0d886197aad6: 10% 30 MB/300 MB",
      "pulling 0d886197aad6: 40% 139 MB/300 MB",
      "pulling 0d886197aad6: 100% 300 MB/300 MB",
      "verifying sha256 digest",
      "writing manifest",
      "success",
      "",
    ].join("\n"),
    exitCode: 0,
  });
});

test("--json prints each record on a line of stdout", async () => {
  const { stdout, stderr } = await world.run(["node", "pull", "org/model", "--json"]);
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(records);
  expect(stderr).toBe("");
});

test.each([
  [404, "model_not_found", 'model "org/model" not found on Hugging Face', 1],
  [403, "gated", "org/model is gated: set HF_TOKEN", 1],
  [502, "hub", "cannot reach huggingface.co", 1],
  [507, "disk", "not enough disk space: 10 GB needed, 1 GB free", 1],
])("what the node answers with %i (%s) is shown", async (status, _what, error, exitCode) => {
  node.on("POST /api/pull", () => Response.json({ error }, { status }));
  expect(await world.run(["node", "pull", "org/model"])).toEqual({ stdout: "", stderr: `Error: ${error}\n`, exitCode });
});

test("an error in the middle of the stream fails the pull, a stream without success too", async () => {
  node.on("POST /api/pull", () => ndjson([{ status: "pulling manifest" }, { error: "checksum mismatch" }]));
  expect(await world.run(["node", "pull", "org/model"])).toMatchObject({
    stderr: "pulling manifest\nError: checksum mismatch\n",
    exitCode: 1,
  });
  node.on("POST /api/pull", () => ndjson([{ status: "pulling manifest" }]));
  expect(await world.run(["node", "pull", "org/model"])).toMatchObject({ exitCode: 2 });
});

test("on a terminal the bar is drawn in place and the cursor comes back", async () => {
  const gate = Promise.withResolvers<string>();
  node.on("POST /api/pull", () => ndjson([records[0], blob(139_000_000), gate.promise, ...records.slice(-3)]));
  const pull = world.terminal(["node", "pull", "org/model"]);
  await pull.until("\x1b[?25l");
  await pull.until("pulling manifest");
  await pull.until("pulling 0d886197aad6:  46% ▕████");
  await pull.until("▏ 139 MB/300 MB");
  gate.resolve(`${JSON.stringify(blob(300_000_000))}\n`);
  await pull.until("success");
  await pull.until("\x1b[?25h");
  expect(await pull.exited).toBe(0);
});

test("Ctrl+C ends the pull with 1, tells the node, gives the cursor back and prints no error", async () => {
  const left = Promise.withResolvers<void>();
  node.on("POST /api/pull", ({ signal }) => {
    signal.addEventListener("abort", () => left.resolve());
    return ndjson([records[0], blob(139_000_000), new Promise(() => undefined)]);
  });
  const pull = world.terminal(["node", "pull", "org/model"]);
  await pull.until("139 MB/300 MB");
  pull.write("\x03");
  await pull.until("\x1b[?25h");
  expect(await pull.exited).toBe(1);
  expect(pull.output()).not.toContain("Error");
  await left.promise;
});
