import { expect, test } from "bun:test";
import type { OpenAiCompletionRequest } from "../../src/api/openai.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { fromOpenAiCompletion, toOpenAiText, toOpenAiTextChunks } from "../../src/dialect/openai-completions.ts";
import { collect, streamOf } from "../fakes/streams.ts";

const from = (more: Partial<OpenAiCompletionRequest>) => fromOpenAiCompletion({ model: "m", prompt: "x", ...more });
const counts = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, promptMs: 1, generationMs: 2 };
const options = { id: "cmpl-1", model: "m", created: 1, includeUsage: true };
const token = (id: number, text: string) => ({ id, bytes: new TextEncoder().encode(text), logprob: -id });

test("a prompt is text as it is, with OpenAI's limit", () => {
  expect(from({})).toEqual([
    {
      input: { kind: "text", text: "x" },
      sampling: { temperature: 1, topP: 1 },
      assumed: ["temperature", "topP"],
      maxTokens: 16,
    },
  ]);
  expect(from({ prompt: ["a", "b"], max_tokens: -1, stop: "s", logprobs: 2 })).toMatchObject([
    { input: { text: "a" }, stop: ["s"], topLogprobs: 2 },
    { input: { text: "b" } },
  ]);
  expect(from({ max_tokens: -1 })[0]?.maxTokens).toBe(Number.POSITIVE_INFINITY);
  expect(from({ suffix: "end" })[0]?.input).toEqual({ kind: "text", text: "x", suffix: "end" });
  expect(() => from({ echo: true })).toThrow("not supported");
  expect(() => from({ prompt: [] })).toThrow("0 texts");
});

test("choices of several prompts, streamed and whole, with the older shape of log probabilities", async () => {
  const choices = () => [
    streamOf<GenerationEvent>(
      { type: "logprobs", tokens: [{ ...token(1, "on"), top: [token(1, "on"), token(2, "in")] }] },
      { type: "text", text: "on" },
      { type: "logprobs", tokens: [{ ...token(3, "ce"), top: [] }] },
      { type: "text", text: "ce" },
      { type: "done", reason: "length", counts },
    ),
    streamOf<GenerationEvent>({ type: "text", text: "b" }, { type: "done", reason: "stop", counts }),
  ];
  const whole = await toOpenAiText(choices(), options, 2);
  expect(whole.choices).toEqual([
    {
      index: 0,
      text: "once",
      logprobs: {
        tokens: ["on", "ce"],
        token_logprobs: [-1, -3],
        top_logprobs: [{ on: -1, in: -2 }, {}],
        text_offset: [0, 2],
      },
      finish_reason: "length",
    },
    { index: 1, text: "b", logprobs: null, finish_reason: "stop" },
  ]);
  expect(whole.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 6 });
  const chunks = await collect(toOpenAiTextChunks(choices(), options, 2));
  const own = chunks.flatMap((chunk) => chunk.choices.filter(({ index }) => index === 0));
  expect(own.map(({ text }) => text).join("")).toBe("once");
  expect(own.at(-1)?.finish_reason).toBe("length");
  expect(chunks.at(-1)?.usage).toEqual(whole.usage);
});
