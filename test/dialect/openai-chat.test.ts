import { expect, test } from "bun:test";
import type { OpenAiChatRequest } from "../../src/api/openai.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { fromOpenAiChat, toOpenAiChunks, toOpenAiCompletion } from "../../src/dialect/openai-chat.ts";
import { choiceCount, forChoice } from "../../src/dialect/openai-sampling.ts";
import { collect, streamOf } from "../fakes/streams.ts";

const user = { role: "user" as const, content: "hi" };
const from = (more: Partial<OpenAiChatRequest>) => fromOpenAiChat({ model: "m", messages: [user], ...more });
const counts = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, promptMs: 1, generationMs: 2 };
const options = { id: "chatcmpl-1", model: "m", created: 1, includeUsage: false };
const tool = (name: string) => ({ type: "function" as const, function: { name } });

const stream = (...events: GenerationEvent[]) => streamOf(...events);

test("without settings OpenAI's own defaults hold, and are told apart from what was said", () => {
  const input = { kind: "chat" as const, messages: [user] };
  const sampling = { temperature: 1, topP: 1 };
  expect(from({})).toEqual({ input, sampling, assumed: ["temperature", "topP"] });
  expect(from({ temperature: 1, top_p: null })).toEqual({ input, sampling, assumed: ["topP"] });
  expect(from({ temperature: 1, top_p: 1 })).toEqual({ input, sampling, assumed: [] });
});

test("settings reach the sampler; null is absent", () => {
  const request = from({
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    min_p: 0.1,
    seed: 7,
    presence_penalty: null,
    stop: "x",
  });
  expect(request.sampling).toEqual({ temperature: 0, topP: 0.5, topK: 3, minP: 0.1, seed: 7 });
  expect(request.stop).toEqual(["x"]);
});

test("max_completion_tokens wins over max_tokens", () => {
  expect(from({ max_tokens: 5 }).maxTokens).toBe(5);
  expect(from({ max_tokens: 5, max_completion_tokens: 6 }).maxTokens).toBe(6);
  expect(from({ max_tokens: null }).maxTokens).toBeUndefined();
  expect(from({ max_tokens: -1 }).maxTokens).toBe(Number.POSITIVE_INFINITY);
});

test("text parts are joined, other parts are refused", () => {
  const parts = (...content: object[]) => from({ messages: [{ role: "user", content: content as never }] });
  expect(parts({ type: "text", text: "a" }, { type: "text", text: "b" }).input).toMatchObject({
    messages: [{ role: "user", content: "ab" }],
  });
  expect(() => parts({ type: "file" })).toThrow('"file" is not supported');
});

test("a named tool choice leaves only that tool and requires it", () => {
  const request = from({ tools: [tool("a"), tool("b")], tool_choice: { type: "function", function: { name: "b" } } });
  expect(request.input).toMatchObject({ tools: [tool("b")], toolChoice: "required" });
  expect(() => from({ tools: [tool("a")], tool_choice: { type: "function", function: { name: "z" } } })).toThrow('"z"');
});

test("response_format becomes a schema", () => {
  expect(from({ response_format: { type: "json_object" } }).sampling.jsonSchema).toEqual({ type: "object" });
  const schema = { type: "object", properties: {} };
  expect(
    from({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } }).sampling.jsonSchema,
  ).toBe(schema);
});

test("reasoning_effort switches thinking", () => {
  expect(from({ reasoning_effort: "none" }).input).toMatchObject({ thinking: false });
  expect(from({ reasoning_effort: "minimal" }).input).toMatchObject({ thinking: true, reasoningEffort: "low" });
});

test("chunks: role, pieces, finish reason, usage where asked for", async () => {
  const events = () =>
    stream(
      { type: "reasoning", text: "hm" },
      { type: "text", text: "Hello" },
      { type: "toolCall", index: 0, id: "c1", name: "f", arguments: "" },
      { type: "toolCall", index: 0, arguments: "{}" },
      { type: "done", reason: "toolCalls", counts },
    );
  const chunks = await collect(toOpenAiChunks([events()], { ...options, includeUsage: true }));
  expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
    { role: "assistant", content: "" },
    { reasoning_content: "hm" },
    { content: "Hello" },
    { tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "f", arguments: "" } }] },
    { tool_calls: [{ index: 0, function: { arguments: "{}" } }] },
    {},
    undefined,
  ]);
  expect(chunks[5]?.choices[0]?.finish_reason).toBe("tool_calls");
  expect(chunks[6]?.usage).toEqual({
    prompt_tokens: 5,
    completion_tokens: 3,
    total_tokens: 8,
    prompt_tokens_details: { cached_tokens: 2 },
  });
  expect(chunks[0]?.usage).toBeNull();
  expect((await collect(toOpenAiChunks([events()], options))).length).toBe(6);
});

test("nothing is sent before the first event, so an early fault keeps its status", async () => {
  const fails = { next: () => Promise.reject(new Error("load failed")) };
  const events: AsyncIterable<GenerationEvent> = { [Symbol.asyncIterator]: () => fails };
  await expect(toOpenAiChunks([events], options).next()).rejects.toThrow("load failed");
});

test("a whole completion joins the pieces", async () => {
  const answer = await toOpenAiCompletion(
    [
      stream(
        { type: "reasoning", text: "h" },
        { type: "reasoning", text: "m" },
        { type: "toolCall", index: 0, id: "a", name: "f", arguments: '{"x":' },
        { type: "toolCall", index: 0, arguments: "1}" },
        { type: "toolCall", index: 1, id: "b", name: "g", arguments: "{}" },
        { type: "done", reason: "toolCalls", counts },
      ),
    ],
    options,
  );
  expect(answer?.choices[0]).toEqual({
    index: 0,
    message: {
      role: "assistant",
      content: null,
      reasoning_content: "hm",
      tool_calls: [
        { id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } },
        { id: "b", type: "function", function: { name: "g", arguments: "{}" } },
      ],
    },
    logprobs: null,
    finish_reason: "tool_calls",
  });
});

test("several choices keep their own index, count their prompt once, and a seed makes them differ", async () => {
  const choices = () => [
    stream({ type: "text", text: "a" }, { type: "done", reason: "stop", counts }),
    stream({ type: "text", text: "b" }, { type: "done", reason: "length", counts }),
  ];
  const whole = await toOpenAiCompletion(choices(), options);
  expect(whole.choices.map(({ index, message, finish_reason }) => [index, message.content, finish_reason])).toEqual([
    [0, "a", "stop"],
    [1, "b", "length"],
  ]);
  expect(whole.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 });
  const chunks = await collect(toOpenAiChunks(choices(), { ...options, includeUsage: true }));
  for (const [index, text] of ["a", "b"].entries()) {
    const own = chunks.flatMap((chunk) => chunk.choices.filter((choice) => choice.index === index));
    expect(own.map(({ delta }) => delta.content ?? "").join("")).toBe(text);
  }
  expect(chunks.at(-1)?.usage).toEqual(whole.usage);
  expect([0, 1].map((index) => forChoice(from({ seed: 7 }), index).sampling.seed)).toEqual([7, 8]);
  expect(() => choiceCount({ n: 0 })).toThrow("from 1 to 128");
});

test("an answer that fails ends its neighbours", async () => {
  let left = false;
  async function* endless(): AsyncGenerator<GenerationEvent> {
    try {
      for (;;) yield { type: "text", text: "x" };
    } finally {
      left = true;
    }
  }
  async function* broken(): AsyncGenerator<GenerationEvent> {
    yield { type: "text", text: "y" };
    throw new Error("crashed");
  }
  await expect(toOpenAiCompletion([endless(), broken()], options)).rejects.toThrow("crashed");
  expect(left).toBe(true);
});
