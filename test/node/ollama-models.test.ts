import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { loadConfig } from "../../src/config/config.ts";
import { silentLog } from "../../src/core/log.ts";
import { type RunningNode, startNode } from "../../src/node/start.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { type FakeRunner, fakeRunner } from "../fakes/fake-runner.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { type OllamaFolder, ollamaFolder } from "../fakes/ollama-folder.ts";
import { projectorFile } from "../fakes/projector-file.ts";

let dir: string;
let folder: OllamaFolder;
let node: RunningNode;
let base: string;
let runners: FakeRunner[] = [];
const model = "ollama:brief";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-ollama-"));
  folder = ollamaFolder(join(dir, "ollama"));
  folder.add({
    path: "registry.ollama.ai/library/brief/latest",
    config: { model_format: "gguf", model_family: "llama", model_type: "1.2B", file_type: "Q8_0" },
    layers: [
      ["model", buildModel("tiny-hello", "Q8_0")],
      ["projector", projectorFile({ vision: true })],
      ["adapter", "lora"],
      ["template", "{{ .System }}{{ .Prompt }}"],
      ["params", JSON.stringify({ temperature: 0.2, top_k: 7, num_predict: 5, num_ctx: 2048, stop: ["a", "b"] })],
      ["system", "Be brief."],
      ["messages", JSON.stringify([{ role: "user", content: "2+2?" }])],
      ["license", "First license\n"],
      ["license", "Second license"],
    ],
  });
  node = startNode({
    config: loadConfig({ HOME: dir, LLMLB_MODELS: join(dir, "models"), OLLAMA_MODELS: folder.root }, { port: "0" }),
    log: silentLog,
    clock: manualClock(),
    machine: fakeMachine(() => {
      const runner = fakeRunner();
      runners.push(runner);
      return runner;
    }),
  });
  base = `http://127.0.0.1:${node.address.port}`;
});

beforeEach(async () => {
  await post("/api/generate", { model, keep_alive: 0 });
  runners = [];
});

afterAll(async () => {
  await node.stop(0);
  rmSync(dir, { recursive: true, force: true });
});

const post = (path: string, body: unknown, method = "POST") =>
  fetch(`${base}${path}`, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
const user = { role: "user", content: "hi" };
const system = { role: "system", content: "Be brief." };
const first = { role: "user", content: "2+2?" };

/** What the runner was asked for a request that is not streamed. */
const asked = async (path: string, body: Record<string, unknown>) => {
  const response = await post(path, { model, stream: false, ...body });
  expect(response.status).toBe(200);
  return runners.at(-1)?.requests.at(-1);
};

test("it is loaded with its context length, projector and adapters", async () => {
  await asked("/api/chat", { messages: [user] });
  const [load] = runners[0]?.loads ?? [];
  expect(load).toMatchObject({ contextTokens: 2048, label: model, headerChecked: true });
  for (const path of [load?.modelPath, load?.projectorPath, ...(load?.adapterPaths ?? [])])
    expect(path?.startsWith(join(folder.root, "blobs/sha256-"))).toBe(true);
  await asked("/api/chat", { messages: [user], options: { num_ctx: 4096 } });
  expect(runners[1]?.loads[0]).toMatchObject({ contextTokens: 4096 });
});

test.each<[string, Record<string, unknown>]>([
  ["/api/chat", { messages: [user] }],
  ["/api/generate", { prompt: "hi" }],
  ["/v1/chat/completions", { messages: [user] }],
])("its parameters, system message and turns take effect in %s", async (path, body) => {
  const request = await asked(path, body);
  expect(request).toMatchObject({ sampling: { temperature: 0.2, topK: 7 }, maxTokens: 5, stop: ["a", "b"] });
  expect(request).toHaveProperty("input.messages", [system, first, user]);
  expect(request).not.toHaveProperty("assumed");
});

test.each<[string, Record<string, unknown>]>([
  ["/api/chat", { messages: [user], options: { temperature: 0.9, num_predict: 3, stop: ["z"] } }],
  ["/api/generate", { prompt: "hi", options: { temperature: 0.9, num_predict: 3, stop: ["z"] } }],
  ["/v1/chat/completions", { messages: [user], temperature: 0.9, max_tokens: 3, stop: "z" }],
])("the request's own come before them in %s", async (path, body) => {
  const request = await asked(path, body);
  expect(request).toMatchObject({ sampling: { temperature: 0.9, topK: 7 }, maxTokens: 3, stop: ["z"] });
});

test("a request can lift the limit, and bring its own system message", async () => {
  expect(await asked("/api/chat", { messages: [user], options: { num_predict: -1 } })).not.toHaveProperty("maxTokens");
  expect(await asked("/v1/chat/completions", { messages: [user], max_tokens: -1 })).not.toHaveProperty("maxTokens");
  const own = { role: "system", content: "Be long." };
  const messages = [own, first, user];
  expect(await asked("/api/chat", { messages: [own, user] })).toHaveProperty("input.messages", messages);
  expect(await asked("/api/generate", { prompt: "hi", system: own.content })).toHaveProperty(
    "input.messages",
    messages,
  );
  expect(await asked("/api/generate", { prompt: "hi", raw: true })).toHaveProperty("input", {
    kind: "text",
    text: "hi",
  });
});

test("show has its texts and says which template is in use", async () => {
  const shown = await (await post("/api/show", { model })).json();
  expect(shown).toMatchObject({
    read_only: true,
    system: "Be brief.",
    license: "First license\n\nSecond license",
    details: { family: "llama", parameter_size: "1.2B", quantization_level: "Q8_0" },
    capabilities: ["completion", "vision"],
    template: expect.stringContaining("<|im_start|>"),
    template_in_use: "the GGUF's own chat template (Ollama's Go template is not used)",
    parameters: expect.stringMatching(/^num_ctx {24}2048\n.*stop {27}"a"\nstop {27}"b"\n/s),
  });
  const { modelfile } = shown as { modelfile: string };
  expect(modelfile).toContain(`FROM ${folder.root}/blobs/sha256-`);
  expect(modelfile).toContain('TEMPLATE """{{ .System }}{{ .Prompt }}"""\nSYSTEM """Be brief."""\n');
  expect(modelfile).toContain("PARAMETER num_ctx 2048\n");
});

test("delete is refused, and the loaded model stays loaded", async () => {
  await asked("/api/chat", { messages: [user] });
  const refused = await post("/api/delete", { model }, "DELETE");
  expect([refused.status, await refused.json()]).toMatchObject([
    403,
    { error: expect.stringContaining("ollama rm brief") },
  ]);
  expect(runners[0]?.alive).toBe(true);
  expect((await post("/api/delete", { model: "ollama:nope" }, "DELETE")).status).toBe(404);
});
