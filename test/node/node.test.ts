import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import type { NodeReport } from "../../src/api/node.ts";
import type { OllamaTagsResponse } from "../../src/api/ollama.ts";
import { loadConfig } from "../../src/config/config.ts";
import { AppError } from "../../src/core/errors.ts";
import { silentLog } from "../../src/core/log.ts";
import { type RunningNode, startNode } from "../../src/node/start.ts";
import { openStore, type Store } from "../../src/store/open-store.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { type FakeRunner, type FakeRunnerScript, fakeCounts, fakeRunner } from "../fakes/fake-runner.ts";
import { type ManualClock, manualClock } from "../fakes/manual-clock.ts";

const model = "llmlb-test/tiny-hello-GGUF";
let dir: string;
let node: RunningNode;
let store: Store;
let clock: ManualClock;
let base: string;
let runners: FakeRunner[] = [];
let script: FakeRunnerScript = {};

const publish = async (name: string) => {
  const bytes = buildModel("tiny-hello", "Q8_0");
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const path = join(dir, "download");
  writeFileSync(path, bytes);
  const source = { endpoint: "http://hub", repository: `llmlb-test/${name}`, commit: "c0ffee", file: "m.gguf" };
  await store.publish({
    model: { host: "huggingface.co", org: "llmlb-test", name, tag: "Q8_0" },
    defaultTag: "Q8_0",
    source,
    files: [{ role: "model", name: "m.gguf", digest, sizeBytes: bytes.length, content: { kind: "partial", path } }],
  });
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-node-"));
  clock = manualClock();
  store = openStore(join(dir, "models"), { clock, log: silentLog });
  await publish("tiny-hello-GGUF");
  node = startNode({
    config: loadConfig({ HOME: dir, LLMLB_MODELS: store.dir, OLLAMA_MODELS: join(dir, "none") }, { port: "0" }),
    log: silentLog,
    clock,
    machine: fakeMachine(() => {
      const runner = fakeRunner({
        load: (...asked) => script.load?.(...asked) ?? Promise.resolve(),
        ...(script.generate ? { generate: script.generate } : {}),
      });
      runners.push(runner);
      return runner;
    }),
  });
  base = `http://127.0.0.1:${node.address.port}`;
});

beforeEach(async () => {
  script = {};
  await post("/api/generate", { model, keep_alive: 0 });
  runners = [];
});

afterAll(async () => {
  await node.stop(0);
  rmSync(dir, { recursive: true, force: true });
});

const get = (path: string) => fetch(`${base}${path}`);
const post = (path: string, body: unknown, method = "POST") =>
  fetch(`${base}${path}`, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
const messages = [{ role: "user", content: "hi" }];
const lines = async (response: Response) =>
  (await response.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test("the root answers GET and HEAD, /health is ok, /api/version is a bare version", async () => {
  expect(await (await get("/")).text()).toBe("llmlb is running");
  expect((await fetch(base, { method: "HEAD" })).status).toBe(200);
  expect(await (await get("/health")).json()).toEqual({ status: "ok" });
  const { version } = (await (await get("/api/version")).json()) as { version: string };
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("tags and /v1/models list the store", async () => {
  const { models } = (await (await get("/api/tags")).json()) as OllamaTagsResponse;
  expect(models[0]).toMatchObject({ name: model, details: { family: "llama", quantization_level: "Q8_0" } });
  expect(models[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(await (await get("/v1/models")).json()).toMatchObject({
    object: "list",
    data: [{ id: model, owned_by: "llmlb-test" }],
  });
});

test("show tells details, metadata, template and capabilities", async () => {
  const shown = await (await post("/api/show", { model })).json();
  expect(shown).toMatchObject({
    details: { format: "gguf", family: "llama", quantization_level: "Q8_0" },
    model_info: { "general.architecture": "llama" },
    capabilities: ["completion"],
  });
  expect(shown).toHaveProperty("template", expect.stringContaining("<|im_start|>"));
  expect(shown).toHaveProperty("modelfile", expect.stringContaining("FROM "));
});

test("chat streams records and ends with the statistics", async () => {
  const records = await lines(await post("/api/chat", { model, messages }));
  expect(records.map((record) => record.message.content)).toEqual(["Hel", "lo", ""]);
  expect(records.at(-1)).toMatchObject({
    model,
    done: true,
    done_reason: "stop",
    eval_count: fakeCounts.completionTokens,
  });
});

test("chat and generate without streaming are one object", async () => {
  const chat = await (await post("/api/chat", { model, messages, stream: false })).json();
  expect(chat).toMatchObject({ message: { role: "assistant", content: "Hello" }, done: true });
  const generated = await (await post("/api/generate", { model, prompt: "hi", stream: false })).json();
  expect(generated).toMatchObject({ response: "Hello", done: true });
});

test("an empty prompt loads, keep_alive 0 unloads, ps shows it in between", async () => {
  expect(await (await post("/api/generate", { model })).json()).toMatchObject({ done_reason: "load", done: true });
  const { models } = (await (await get("/api/ps")).json()) as { models: { name: string; expires_at: string }[] };
  expect(models[0]).toMatchObject({ name: model, size_vram: 0, context_length: 4096 });
  expect(Date.parse(models[0]?.expires_at ?? "")).toBe(clock.now() + 300_000);
  expect(await (await post("/api/generate", { model, keep_alive: 0 })).json()).toMatchObject({ done_reason: "unload" });
  await Promise.all(runners.map((runner) => runner.exited));
  expect(await (await get("/api/ps")).json()).toEqual({ models: [] });
});

test("keep_alive and num_ctx of a request reach the engine", async () => {
  await (await post("/api/chat", { model, messages, keep_alive: "10s", options: { num_ctx: 512 } })).text();
  expect(runners[0]?.loads[0]).toMatchObject({ contextTokens: 512, slots: 4 });
  await clock.advance(10_000);
  expect(runners[0]?.alive).toBe(false);
});

test("errors have Ollama's shape and status", async () => {
  const unknown = await post("/api/chat", { model: "llmlb-test/absent", messages });
  expect([unknown.status, await unknown.json()]).toEqual([404, { error: 'model "llmlb-test/absent" not found' }]);
  const invalid = await post("/api/show", { model: "a/b/c" });
  expect([invalid.status, await invalid.json()]).toEqual([
    400,
    { error: 'invalid model name "a/b/c": expected org/name' },
  ]);
  expect(await (await post("/api/chat", { messages })).json()).toEqual({ error: "model is required" });
  expect(await (await post("/api/chat", { model, messages, think: true })).json()).toEqual({
    error: `"${model}" does not support thinking`,
  });
});

test("a malformed request is a 400 that names the field, before anything is loaded", async () => {
  const cases: [string, object, string][] = [
    ["/api/chat", { messages: 5 }, "messages"],
    ["/api/chat", { messages: [{ role: "bogus", content: "x" }] }, "messages.0.role"],
    ["/api/chat", { messages, options: { num_ctx: 0 } }, "options.num_ctx"],
    ["/v1/chat/completions", { messages: [] }, "messages"],
    ["/v1/chat/completions", { messages, stop: 5 }, "stop"],
    ["/v1/chat/completions", { messages, tools: [{ type: "function" }] }, "tools.0.function"],
  ];
  for (const [path, body, field] of cases) {
    const answer = await post(path, { model, ...body });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(`invalid \\"${field}\\"`)]);
  }
  expect(runners).toHaveLength(0);
});

test("null means absent, as clients in Go write it", async () => {
  expect(await (await post("/api/chat", { model, messages: null, options: null })).json()).toMatchObject({
    done_reason: "load",
  });
});

test("a load that fails is a 500 before anything is streamed", async () => {
  script = { load: () => Promise.reject(new AppError("load_failed", "out of memory")) };
  const failed = await post("/api/chat", { model, messages });
  expect([failed.status, await failed.json()]).toEqual([500, { error: "out of memory" }]);
});

test("a runner that dies in mid-answer ends the stream with an error in each dialect", async () => {
  script = {
    async *generate() {
      yield { type: "text", text: "Hel" };
      throw new AppError("runner_crashed", "the model's process died");
    },
  };
  const records = await lines(await post("/api/chat", { model, messages }));
  expect(records.at(-1)).toEqual({ error: "the model's process died" });
  const events = await (await post("/v1/chat/completions", { model, messages, stream: true })).text();
  expect(events.trim().split("\n\n").at(-1)).toContain('"message":"the model\'s process died"');
  expect(events).not.toContain("[DONE]");
  const whole = await post("/v1/chat/completions", { model, messages });
  expect(whole.status).toBe(500);
});

test("OpenAI chat completions, streamed and whole", async () => {
  const whole = await (await post("/v1/chat/completions", { model, messages })).json();
  expect(whole).toMatchObject({
    object: "chat.completion",
    choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  });
  const events = await (await post("/v1/chat/completions", { model, messages, stream: true })).text();
  expect(events.endsWith("data: [DONE]\n\n")).toBe(true);
  const failed = await post("/v1/chat/completions", { model: "no/such", messages });
  expect([failed.status, await failed.json()]).toMatchObject([404, { error: { code: "model_not_found" } }]);
});

test("a client that goes away stops its generation and gives the slot to the next", async () => {
  const stopped = Promise.withResolvers<unknown>();
  const started = Promise.withResolvers<void>();
  script = {
    async *generate(_request, signal) {
      yield { type: "text", text: "…" };
      started.resolve();
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))).catch(
        stopped.resolve,
      );
    },
  };
  const abort = new AbortController();
  const answer = await fetch(`${base}/api/chat`, {
    method: "POST",
    body: JSON.stringify({ model, messages }),
    signal: abort.signal,
  });
  const reading = answer.text().catch(() => "cut");
  await started.promise;
  abort.abort();
  await stopped.promise;
  expect(await reading).toBe("cut");
});

test("last use is written at every use", async () => {
  await clock.advance(3_600_000);
  await (await post("/api/chat", { model, messages })).text();
  const { models } = (await (await get("/api/tags")).json()) as OllamaTagsResponse;
  expect(models[0]?.modified_at).toBe(new Date(clock.now()).toISOString());
});

test("delete removes the model and ends its runner", async () => {
  await publish("doomed-GGUF");
  const doomed = "llmlb-test/doomed-GGUF";
  await post("/api/generate", { model: doomed });
  expect((await post("/api/delete", { model: doomed }, "DELETE")).status).toBe(200);
  expect(runners[0]?.alive).toBe(false);
  expect((await post("/api/show", { model: doomed })).status).toBe(404);
  expect((await post("/api/delete", { model: doomed }, "DELETE")).status).toBe(404);
});

test("pull says in its stream what went wrong", async () => {
  const refused = await post("/api/pull", { model: "ollama:llama3" });
  expect([refused.status, await refused.json()]).toMatchObject([
    403,
    { error: expect.stringContaining("ollama pull llama3") },
  ]);
  const unknown = await post("/api/pull", { model: "no-such-short-name" });
  expect(await unknown.json()).toMatchObject({ error: expect.stringContaining("expected org/name") });
});

test.each(["/api/push", "/api/create", "/api/blobs/sha256:00"])(
  "%s says that it is not here, and what to do",
  async (path) => {
    const refused = await post(path, { model });
    expect([refused.status, await refused.json()]).toMatchObject([
      501,
      { error: expect.stringContaining("Hugging Face") },
    ]);
  },
);

test("/metrics tells Prometheus what was asked, answered and generated; /ready when a backend is there", async () => {
  const scrape = async () => new Map((await (await get("/metrics")).text()).split("\n").map(splitSample));
  const before = await scrape();
  await (await post("/v1/chat/completions", { model, messages, stream: true })).text();
  expect((await post("/v1/chat/completions", { model: "absent", messages })).status).toBe(404);
  await get("/nothing/here");
  const after = await scrape();
  const grown = (sample: string) => (after.get(sample) ?? Number.NaN) - (before.get(sample) ?? 0);
  expect(grown('llmlb_http_requests_total{method="POST",route="/v1/chat/completions",status="200"}')).toBe(1);
  expect(grown('llmlb_http_requests_total{method="POST",route="/v1/chat/completions",status="404"}')).toBe(1);
  expect(grown('llmlb_http_requests_total{method="GET",route="other",status="404"}')).toBe(1);
  expect(grown(`llmlb_generations_total{model="${model}",outcome="stop"}`)).toBe(1);
  expect(grown(`llmlb_time_to_first_token_seconds_count{model="${model}"}`)).toBe(1);
  expect(grown(`llmlb_completion_tokens_total{model="${model}"}`)).toBe(fakeCounts.completionTokens);
  expect(after.get(`llmlb_slots_busy{model="${model}"}`)).toBe(0);
  expect((await get("/metrics")).headers.get("content-type")).toContain("text/plain; version=0.0.4");
  expect(await (await get("/ready")).json()).toEqual({ status: "ready" });
});

const splitSample = (line: string): [string, number] => {
  const at = line.lastIndexOf(" ");
  return [line.slice(0, at), Number(line.slice(at + 1))];
};

test("/api/node tells how far a load is", async () => {
  const half = Promise.withResolvers<void>();
  const whole = Promise.withResolvers<void>();
  script = {
    async load(_options, _signal, onProgress) {
      onProgress?.(0.5);
      half.resolve();
      await whole.promise;
    },
  };
  const loaded = post("/api/generate", { model });
  await half.promise;
  const { digest } = (await (await post("/api/show", { model })).json()) as { digest: string };
  const report = (await (await get("/api/node")).json()) as NodeReport;
  expect(report.disk?.free_bytes).toBeWithin(1, (report.disk?.total_bytes ?? 0) + 1);
  expect(report.prompts).toBeUndefined();
  expect(await (await get("/api/node?prompts=1")).json()).toMatchObject({ prompts: [] });
  expect(report).toMatchObject({ models: [], loading: [{ name: model, digest, progress: 0.5 }] });
  whole.resolve();
  await (await loaded).text();
  expect(await (await get("/api/node")).json()).toMatchObject({ models: [{ digest }], loading: [] });
});
