import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildModel, buildProjector } from "../../scripts/fixtures/models.ts";
import { splitGguf, splitName } from "../../scripts/fixtures/split-gguf.ts";
import type { OllamaPullPlan } from "../../src/api/ollama.ts";
import { createWorld, type World } from "./harness.ts";

let world: World;
const split = "llmlb-test/tiny-split-GGUF";
const hello = "llmlb-test/tiny-hello-GGUF";

beforeAll(async () => {
  world = await createWorld();
  const parts = await splitGguf(buildModel("tiny-vision"), 3);
  world.hub.publish({
    id: split,
    files: [
      ...parts.map((content, index) => ({ path: `Q8_0/${splitName("tiny-split-Q8_0", index + 1, 3)}`, content })),
      { path: "mmproj-tiny-split-F16.gguf", content: buildProjector("tiny-vision") },
    ],
  });
  const plain = buildModel("tiny-plain", "Q8_0");
  const template = "{% for message in messages %}{{ message.content }} once{% endfor %}";
  world.hub.publish({
    id: "llmlb-test/tiny-templated-GGUF",
    files: [
      { path: "tiny-templated-Q8_0.gguf", content: plain },
      { path: "chat_template.jinja", content: template },
    ],
  });
  await world.serve();
});
afterAll(() => world[Symbol.asyncDispose]());

const lines = (text: string) => text.trim().split("\n");

test("a dry run prints the plan and leaves nothing behind", async () => {
  const { stdout, exitCode } = await world.llmlb(["node", "pull", split, "--dry-run"]);
  expect(exitCode).toBe(0);
  const [title, header, ...rows] = lines(stdout);
  expect(title).toBe(`${split}:Q8_0`);
  expect(header).toMatch(/^FILE +WHAT +SIZE +TO DOWNLOAD$/);
  expect(rows).toHaveLength(5);
  expect(rows[3]).toMatch(/^mmproj-tiny-split-F16.gguf +projector +79 KB +79 KB$/);
  expect(rows[4]).toMatch(/^354 KB of 354 KB to download, to .*models \(.* free\)$/);
  expect(existsSync(join(world.env.LLMLB_MODELS ?? "", "partial"))).toBe(false);
  const json = await world.llmlb(["node", "pull", split, "--dry-run", "--json"]);
  const plan = JSON.parse(json.stdout) as OllamaPullPlan;
  expect(plan).toMatchObject({ status: "dry run", model: `${split}:Q8_0`, up_to_date: false });
  expect(plan.files.map(({ role, completed }) => [role, completed])).toEqual([
    ["model", 0],
    ["model", 0],
    ["model", 0],
    ["projector", 0],
  ]);
});

test("a split model is pulled whole and answers as the one in one file", async () => {
  expect((await world.llmlb(["node", "pull", split])).exitCode).toBe(0);
  expect((await world.llmlb(["node", "run", split, "hi"])).stdout).toBe("I see no picture\n");
  const shown = JSON.parse((await world.llmlb(["node", "show", split, "--json"])).stdout);
  expect(shown.size).toBeGreaterThan(350_000);
  const again = await world.llmlb(["node", "pull", split, "--dry-run"]);
  expect(lines(again.stdout).at(-1)).toStartWith("up to date, to ");
  expect((await world.llmlb(["node", "rm", split])).exitCode).toBe(0);
  expect((await world.llmlb(["node", "run", split, "hi"])).stdout).toBe("I see no picture\n"); // pulled anew
});

test("/metrics tells of downloads, before the first one and after", async () => {
  const scrape = async (address: string) => (await (await fetch(`${address}/metrics`)).text()).split("\n");
  const { address } = await world.serve();
  const before = await scrape(address);
  expect(before).toContain("llmlb_pull_bytes_total 0");
  const env = { LLMLB_HOST: address };
  await world.llmlb(["node", "rm", hello], { env });
  expect((await world.llmlb(["node", "pull", hello], { env })).exitCode).toBe(0);
  expect((await world.llmlb(["node", "pull", "llmlb-test/nothing-GGUF"], { env })).exitCode).toBe(1);
  const after = await scrape(address);
  expect(after).toContain(`llmlb_pull_bytes_total ${buildModel("tiny-hello", "Q4_K_M").length}`);
  expect(after).toContain("llmlb_pulls_active 0");
  expect(after).toContain('llmlb_pulls_total{outcome="success"} 1');
  expect(after).toContain('llmlb_pulls_total{outcome="model_not_found"} 1');
});

test("a chat template beside a GGUF that has none is used", async () => {
  const model = "llmlb-test/tiny-templated-GGUF";
  const ask = { model, messages: [{ role: "user", content: "x" }], stream: false, options: { num_predict: 1 } };
  await world.llmlb(["node", "pull", model]);
  const answer = await fetch(`${world.env.LLMLB_HOST}/api/chat`, { method: "POST", body: JSON.stringify(ask) });
  expect(((await answer.json()) as { message: { content: string } }).message.content).toBe(" upon"); // after " once"
});

test("--quant is another way to write the quantization", async () => {
  const { stdout } = await world.llmlb(["node", "pull", hello, "--quant", "q8_0", "--dry-run"]);
  expect(lines(stdout)[0]).toBe(`${hello}:Q8_0`);
  const twice = await world.llmlb(["node", "pull", `${hello}:Q8_0`, "--quant", "F16"]);
  expect([twice.exitCode, twice.stderr]).toEqual([
    1,
    `Error: a quantization cannot be added to "${hello}:Q8_0", which names one already\n`,
  ]);
  const missing = await world.llmlb(["node", "pull", hello, "--quant", "Q2_K"]);
  expect(missing.stderr).toContain('has no quantization "Q2_K"; it has F16, Q4_0, Q4_K_M, Q8_0');
});

test("cp gives a model one more name, rm of that name leaves the model", async () => {
  await world.llmlb(["node", "pull", hello]);
  const copied = await world.llmlb(["node", "cp", "tiny-hello", "Assistant"]);
  expect([copied.exitCode, copied.stdout]).toEqual([0, "copied 'tiny-hello' to 'Assistant'\n"]);
  expect((await world.llmlb(["node", "run", "assistant", "hi"])).stdout).toBe("Hello! I am a tiny model.\n");
  expect((await world.llmlb(["node", "show", hello])).stdout).toMatch(/Aliases\n +assistant\n +tiny-hello\n/);
  const clash = await world.llmlb(["node", "cp", split, "assistant"]);
  expect([clash.exitCode, clash.stderr]).toEqual([
    1,
    `Error: "assistant" is a name of ${hello} already; choose another, or remove that one first\n`,
  ]);
  expect((await world.llmlb(["node", "rm", "assistant"])).exitCode).toBe(0);
  expect((await world.llmlb(["node", "run", "assistant", "hi"])).exitCode).toBe(1);
  expect((await world.llmlb(["node", "list"])).stdout).toContain(hello);
});

test("without a server --local pulls into this machine's store, and the error says so", async () => {
  const env = { LLMLB_HOST: "127.0.0.1:1", LLMLB_MODELS: join(world.dir, "local-models") };
  const without = await world.llmlb(["node", "pull", hello], { env });
  expect([without.exitCode, without.stderr]).toEqual([
    2,
    'Error: cannot connect to the llmlb node at 127.0.0.1:1; start it with "llmlb node serve", or pull without it: --local\n',
  ]);
  const local = await world.llmlb(["node", "pull", hello, "--local", "--json"], { env });
  expect([local.exitCode, local.stderr]).toEqual([0, ""]);
  const events = lines(local.stdout).map((line) => JSON.parse(line));
  expect(events[0]).toEqual({ status: "pulling manifest" });
  expect(events.at(-1)).toEqual({ status: "success" });
  const requests = world.hub.requests.length;
  const again = await world.llmlb(["node", "pull", hello, "--local"], { env });
  expect([again.exitCode, world.hub.requests.length - requests]).toEqual([0, 1]);
  const unknown = await world.llmlb(["node", "pull", "llmlb-test/nothing", "--local"], { env });
  expect([unknown.exitCode, unknown.stderr]).toEqual([
    1,
    expect.stringMatching(/^pulling manifest\nError: model "llmlb-test\/nothing" not found/),
  ]);
});
