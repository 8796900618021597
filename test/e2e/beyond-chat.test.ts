import { afterAll, beforeAll, expect, test } from "bun:test";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { weatherTool } from "../../scripts/fixtures/models.ts";
import { buildTinyLlama } from "../../scripts/fixtures/tiny-llama.ts";
import { tinyCaller, tinyGap } from "../../scripts/fixtures/tiny-models.ts";
import type { RerankResponse } from "../../src/api/rerank.ts";
import { collect } from "../fakes/streams.ts";
import { createWorld, type World } from "./harness.ts";

/** What clients do beside a plain chat: gaps, contexts, templates, rankings, several tool calls; against the compiled executable. */
let world: World;
let ollama: Ollama;
let openai: OpenAI;
let address: string;
const name = (fixture: string) => `llmlb-test/${fixture}-GGUF`;

beforeAll(async () => {
  world = await createWorld();
  for (const model of [tinyGap, tinyCaller]) {
    const files = [{ path: `${model.name}-Q8_0.gguf`, content: buildTinyLlama(model, "Q8_0") }];
    world.hub.publish({ id: name(model.name), files });
  }
  address = (await world.serve()).address;
  ollama = new Ollama({ host: address });
  openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none" });
  for (const model of ["tiny-hello", "tiny-plain", "tiny-rank", "tiny-rank-chat", "tiny-gap", "tiny-caller"])
    expect((await world.llmlb(["node", "pull", name(model)])).exitCode).toBe(0);
});
afterAll(() => world[Symbol.asyncDispose]());

test("a gap is filled: ollama's suffix and openai's, streamed too", async () => {
  const model = name("tiny-gap");
  const filled = " return a plus b";
  const told = await ollama.generate({ model, prompt: "add", suffix: "end" });
  expect([told.response, told.done_reason]).toEqual([filled, "stop"]);
  const whole = await openai.completions.create({ model, prompt: "add", suffix: "end", max_tokens: 20 });
  expect([whole.choices[0]?.text, whole.choices[0]?.finish_reason]).toEqual([filled, "stop"]);
  expect(whole.usage?.prompt_tokens).toBe(told.prompt_eval_count);
  const stream = await openai.completions.create({ model, prompt: "add", suffix: "end", stream: true });
  expect((await collect(stream)).map(({ choices }) => choices[0]?.text).join("")).toBe(filled);
  await expect(ollama.generate({ model: name("tiny-plain"), prompt: "a", suffix: "b" })).rejects.toThrow(
    "cannot fill in the middle",
  );
});

test("parallel_tool_calls: false leaves room for one call where the model would make many", async () => {
  const ask = {
    model: name("tiny-caller"),
    messages: [{ role: "user" as const, content: "Weather in Paris?" }],
    tools: [weatherTool as never],
    temperature: 0,
    max_tokens: 40,
  };
  const callsOf = async (more: object) => {
    const { choices } = await openai.chat.completions.create({ ...ask, ...more });
    return { calls: choices[0]?.message.tool_calls?.length ?? 0, reason: choices[0]?.finish_reason };
  };
  expect((await callsOf({})).calls).toBeGreaterThan(2);
  expect((await callsOf({ parallel_tool_calls: true })).calls).toBeGreaterThan(2);
  expect(await callsOf({ parallel_tool_calls: false })).toEqual({ calls: 1, reason: "tool_calls" });
});

test("ollama: a conversation goes on from the context of its last answer", async () => {
  const model = name("tiny-hello");
  const first = await ollama.generate({ model, prompt: "One" });
  expect(first.context).toHaveLength(first.prompt_eval_count + first.eval_count);
  const records = await collect(
    await ollama.generate({ model, prompt: "Two", context: first.context, system: "Be brief.", stream: true }),
  );
  const last = records.at(-1);
  expect(last?.context.slice(0, first.context.length)).toEqual(first.context);
  expect(last?.prompt_eval_count).toBeGreaterThan(first.context.length + 20);
  expect(records.slice(0, -1).some(({ context }) => context !== undefined)).toBe(false);
  const raw = await ollama.generate({ model, prompt: "One", raw: true, options: { num_predict: 1 } });
  expect(raw.context).toBeUndefined();
  await expect(ollama.generate({ model, prompt: "Two", raw: true, context: [1] })).rejects.toThrow("raw mode does not");
  await expect(ollama.generate({ model, prompt: "Two", context: [99_999] })).rejects.toThrow("token 99999");
});

test("ollama: a template of the request's own makes the prompt", async () => {
  const model = name("tiny-plain");
  const template = "{{ if .System }}{{ .System }}: {{ end }}{{ .Prompt }}{{ .Response }}</s>";
  const once = { model, prompt: " once", template, options: { num_predict: 3, temperature: 0 } };
  const told = await ollama.generate({ ...once, system: "Tell" });
  expect([told.response, told.prompt_eval_count]).toEqual([" upon a time", "Tell: ".length + 1]);
  expect(told.context).toHaveLength(told.prompt_eval_count + 3);
  await expect(ollama.generate({ ...once, template: "{{ range .Messages }}{{ end }}" })).rejects.toThrow(
    'template: "{{ range .Messages }}" is not supported',
  );
});

test("rerank: documents by score, under every name, and a model that cannot", async () => {
  const documents = ["I like bread.", { text: "Tokyo is the capital of Japan." }, "the capital"];
  const rank = async (path: string, body: object) => {
    const asked = { model: name("tiny-rank"), query: "Japan?", documents, ...body };
    const response = await fetch(`${address}${path}`, { method: "POST", body: JSON.stringify(asked) });
    return { status: response.status, body: (await response.json()) as RerankResponse };
  };
  const { body } = await rank("/v1/rerank", { top_n: 2, return_documents: true });
  expect(body.results.map(({ index }) => index)).toEqual([1, 2]);
  expect(body.results[0]?.document).toEqual({ text: "Tokyo is the capital of Japan." });
  expect(body.usage.prompt_tokens).toBeGreaterThan(30);
  for (const path of ["/v1/reranking", "/rerank", "/reranking"])
    expect((await rank(path, {})).body.results.slice(0, 2)).toEqual(
      body.results.map(({ document: _, ...result }) => result),
    );
  // A chat model with a head: its scores are probabilities.
  const chat = await rank("/v1/rerank", { model: name("tiny-rank-chat") });
  for (const { relevance_score } of chat.body.results) expect(Math.abs(relevance_score - 0.5)).toBeLessThan(0.5);
  const cannot = await rank("/v1/rerank", { model: name("tiny-hello") });
  expect([cannot.status, cannot.body]).toMatchObject([
    400,
    { error: { message: expect.stringContaining("does not support reranking"), type: "invalid_request_error" } },
  ]);
  for (const path of ["/v1/rerank", "/rerank"])
    expect(await rank(path, { documents: [] })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('invalid "documents"'), type: "invalid_request_error" } },
    });
  expect((await ollama.show({ model: name("tiny-rank") })).capabilities).toEqual(["rerank"]);
});
