import { expect, test } from "bun:test";
import type { OllamaChatRequest, OllamaGenerateRequest } from "../../src/api/ollama.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { fromOllamaChat, fromOllamaGenerate } from "../../src/dialect/ollama-request.ts";
import {
  joinOllamaChat,
  joinOllamaGenerate,
  toOllamaChat,
  toOllamaGenerate,
} from "../../src/dialect/ollama-response.ts";
import { collect, streamOf } from "../fakes/streams.ts";

const user = { role: "user" as const, content: "hi" };
const chat = (more: Partial<OllamaChatRequest>) => fromOllamaChat({ model: "m", messages: [user], ...more });
const complete = (more: Partial<OllamaGenerateRequest>) => fromOllamaGenerate({ model: "m", prompt: "hi", ...more });
const counts = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, promptMs: 1.5, generationMs: 2 };
const options = { model: "m", loadMs: 4, startMs: 0, now: () => 10 };
const done: GenerationEvent = { type: "done", reason: "stop", counts };

const stream = (...events: GenerationEvent[]) => streamOf(...events);

const ollamaOverflow = { truncatePrompt: true, shift: true };

test("the context: truncated and shifted unless the request says otherwise", () => {
  expect(chat({ truncate: false, shift: false }).overflow).toEqual({ truncatePrompt: false, shift: false });
  expect(chat({ options: { num_ctx: 128, num_keep: 7 } })).toMatchObject({
    contextTokens: 128,
    overflow: { ...ollamaOverflow, keepTokens: 7 },
  });
  expect(chat({ options: { num_predict: -2 } }).overflow).toMatchObject({ shift: false });
  expect(complete({ truncate: false }).overflow).toEqual({ truncatePrompt: false, shift: true });
});

test("a plain chat", () => {
  expect(chat({})).toEqual({ input: { kind: "chat", messages: [user] }, sampling: {}, overflow: ollamaOverflow });
});

test("options reach the sampler under the field's names", () => {
  const request = chat({
    options: {
      temperature: 0,
      top_k: 1,
      top_p: 0.5,
      min_p: 0.1,
      typical_p: 0.9,
      repeat_penalty: 1.1,
      repeat_last_n: 32,
      presence_penalty: 0.2,
      frequency_penalty: 0.3,
      seed: 9,
      num_predict: 7,
      stop: ["a", "b"],
    },
  });
  expect(request).toEqual({
    input: { kind: "chat", messages: [user] },
    sampling: {
      temperature: 0,
      topK: 1,
      topP: 0.5,
      minP: 0.1,
      typicalP: 0.9,
      repeatPenalty: 1.1,
      repeatLastN: 32,
      presencePenalty: 0.2,
      frequencyPenalty: 0.3,
      seed: 9,
    },
    maxTokens: 7,
    stop: ["a", "b"],
    overflow: ollamaOverflow,
  });
});

test("num_predict -1 sets no limit, 0 generates nothing", () => {
  expect(chat({ options: { num_predict: -1 } }).maxTokens).toBe(Number.POSITIVE_INFINITY);
  expect(chat({ options: { num_predict: 0 } }).maxTokens).toBe(0);
});

test("format and think", () => {
  expect(chat({ format: "json" }).sampling.jsonSchema).toEqual({ type: "object" });
  expect(chat({ format: { type: "array" } }).sampling.jsonSchema).toEqual({ type: "array" });
  expect(() => chat({ format: "xml" as never })).toThrow('invalid "format"');
  expect(chat({ think: false }).input).toMatchObject({ thinking: false });
  expect(chat({ think: "max" }).input).toMatchObject({ thinking: true, reasoningEffort: "high" });
});

test("tool calls and their answers find each other", () => {
  const call = (name: string) => ({ function: { name, arguments: { city: "Tokyo" } } });
  const { input } = chat({
    messages: [
      user,
      { role: "assistant", content: "", tool_calls: [call("weather"), call("time")] },
      { role: "tool", content: "12:00", tool_name: "time" },
      { role: "tool", content: "sunny" },
    ],
  });
  expect(input.kind === "chat" && input.messages.slice(1)).toEqual([
    {
      role: "assistant",
      content: "",
      tool_calls: [
        { id: "call_0", type: "function", function: { name: "weather", arguments: '{"city":"Tokyo"}' } },
        { id: "call_1", type: "function", function: { name: "time", arguments: '{"city":"Tokyo"}' } },
      ],
    },
    { role: "tool", content: "12:00", tool_call_id: "call_1", name: "time" },
    { role: "tool", content: "sunny", tool_call_id: "call_0", name: "weather" },
  ]);
});

test("generate is a chat of one turn, raw is the text itself", () => {
  expect(complete({ system: "be brief" }).input).toEqual({
    kind: "chat",
    messages: [{ role: "system", content: "be brief" }, user],
  });
  expect(complete({ raw: true }).input).toEqual({ kind: "text", text: "hi" });
  expect(complete({ suffix: "end" }).input).toEqual({ kind: "text", text: "hi", suffix: "end" });
});

test("a template makes the prompt, and a context goes before it", () => {
  const template = "{{ .System }}>{{ .Prompt }}<{{ .Response }}";
  expect(complete({ template, system: "s", context: [1, 2] })).toMatchObject({
    input: { kind: "text", text: "s>hi<", context: [1, 2] },
    tellTokens: true,
  });
  expect(complete({ context: [1, 2] })).toMatchObject({ input: { kind: "chat", context: [1, 2] }, tellTokens: true });
  expect(complete({ context: [] }).input).not.toHaveProperty("context");
  for (const more of [{ raw: true }, { suffix: "end" }]) expect(complete(more)).not.toHaveProperty("tellTokens");
  for (const more of [{ template }, { system: "s" }, { context: [1] }])
    expect(() => complete({ raw: true, ...more })).toThrow("raw mode does not support template, system, or context");
  expect(() => complete({ suffix: "end", context: [1] })).toThrow("suffix does not support context");
});

test("what cannot be done is said", () => {
  expect(() => chat({ messages: [user], format: "xml" as never })).toThrow('invalid "format"');
});

test("a streamed chat: pieces, whole tool calls, and statistics in nanoseconds at the end", async () => {
  const records = await collect(
    toOllamaChat(
      stream(
        { type: "reasoning", text: "hm" },
        { type: "text", text: "Hi" },
        { type: "toolCall", index: 0, id: "a", name: "f", arguments: '{"x":' },
        { type: "toolCall", index: 0, arguments: "1}" },
        { type: "toolCall", index: 1, id: "b", name: "g", arguments: "{" },
        done,
      ),
      options,
    ),
  );
  expect(records.map((record) => record.message)).toEqual([
    { role: "assistant", content: "", thinking: "hm" },
    { role: "assistant", content: "Hi" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "a", function: { index: 0, name: "f", arguments: { x: 1 } } }],
    },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "b", function: { index: 1, name: "g", arguments: { _raw: "{" } } }],
    },
    { role: "assistant", content: "" },
  ]);
  expect(records.at(-1)).toMatchObject({
    done: true,
    done_reason: "stop",
    total_duration: 10_000_000,
    load_duration: 4_000_000,
    prompt_eval_count: 5,
    prompt_eval_duration: 1_500_000,
    eval_count: 3,
    eval_duration: 2_000_000,
  });
});

test("a chat that is not streamed holds everything in one message", async () => {
  const events = stream(
    { type: "reasoning", text: "hm" },
    { type: "text", text: "Hel" },
    { type: "text", text: "lo" },
    done,
  );
  expect(await joinOllamaChat(toOllamaChat(events, options))).toMatchObject({
    message: { role: "assistant", content: "Hello", thinking: "hm" },
    done: true,
  });
});

test("generate streams and joins `response`", async () => {
  const events = () =>
    stream({ type: "text", text: "Hel" }, { type: "text", text: "lo" }, { ...done, reason: "length" });
  const records = await collect(toOllamaGenerate(events(), options));
  expect(records.map((record) => record.response)).toEqual(["Hel", "lo", ""]);
  expect(await joinOllamaGenerate(toOllamaGenerate(events(), options))).toMatchObject({
    response: "Hello",
    done_reason: "length",
  });
});

test("the conversation's tokens come with the last record", async () => {
  const events = stream({ type: "text", text: "Hi" }, { ...done, tokens: Int32Array.of(3, 4) });
  const records = await collect(toOllamaGenerate(events, options));
  expect(records.map(({ context }) => context)).toEqual([undefined, [3, 4]]);
});
