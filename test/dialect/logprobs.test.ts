import { expect, test } from "bun:test";
import type { ChosenToken, GenerationEvent } from "../../src/core/generation.ts";
import { fromLogprobs } from "../../src/dialect/logprobs.ts";
import {
  joinOllamaChat,
  joinOllamaGenerate,
  toOllamaChat,
  toOllamaGenerate,
} from "../../src/dialect/ollama-response.ts";
import { toOpenAiChunks, toOpenAiCompletion } from "../../src/dialect/openai-chat.ts";
import { collect, streamOf } from "../fakes/streams.ts";

const counts = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, promptMs: 1, generationMs: 2 };
const one = (id: number, bytes: number[], logprob: number) => ({ id, bytes: Uint8Array.from(bytes), logprob });
const whole: ChosenToken = { ...one(1, [72, 105], -0.5), top: [one(1, [72, 105], -0.5), one(2, [33], -1.5)] };
const halves: ChosenToken[] = [
  { ...one(3, [0xe3, 0x81], -0.25), top: [] },
  { ...one(4, [0x93], -0.125), top: [] },
];
const events = () =>
  streamOf<GenerationEvent>(
    { type: "logprobs", tokens: [whole] },
    { type: "text", text: "Hi" },
    { type: "logprobs", tokens: halves.slice(0, 1) },
    { type: "logprobs", tokens: halves.slice(1) },
    { type: "text", text: "こ" },
    { type: "done", reason: "length", counts },
  );

const hi = { token: "Hi", logprob: -0.5, bytes: [72, 105] };
const wire = [
  { ...hi, top_logprobs: [hi, { token: "!", logprob: -1.5, bytes: [33] }] },
  { token: "\uFFFD", logprob: -0.25, bytes: [0xe3, 0x81], top_logprobs: [] },
  { token: "\uFFFD", logprob: -0.125, bytes: [0x93], top_logprobs: [] },
];

test("they are asked for as OpenAI and Ollama define it", () => {
  expect(fromLogprobs({})).toEqual({});
  expect(fromLogprobs({ logprobs: false, top_logprobs: 0 })).toEqual({});
  expect(fromLogprobs({ logprobs: true })).toEqual({ topLogprobs: 0 });
  expect(fromLogprobs({ logprobs: true, top_logprobs: 20 })).toEqual({ topLogprobs: 20 });
  expect(() => fromLogprobs({ top_logprobs: 3 })).toThrow("needs logprobs");
  for (const top_logprobs of [-1, 21, 1.5])
    expect(() => fromLogprobs({ logprobs: true, top_logprobs })).toThrow("from 0 to 20");
});

test("OpenAI: each chunk has those of its own text", async () => {
  const options = { id: "chatcmpl-1", model: "m", created: 1, includeUsage: false };
  const chunks = await collect(toOpenAiChunks([events()], options));
  expect(chunks.map(({ choices }) => choices[0]?.logprobs)).toEqual([
    null,
    { content: wire.slice(0, 1), refusal: null },
    { content: wire.slice(1), refusal: null },
    null,
  ]);
  const completion = await toOpenAiCompletion([events()], options);
  expect(completion?.choices[0]?.logprobs).toEqual({ content: wire, refusal: null });
});

test("Ollama: each record has those of its own text", async () => {
  const options = { model: "m", loadMs: 4, startMs: 0, now: () => 10 };
  const told = [wire.slice(0, 1), wire.slice(1), undefined];
  expect((await collect(toOllamaChat(events(), options))).map(({ logprobs }) => logprobs)).toEqual(told);
  expect((await collect(toOllamaGenerate(events(), options))).map(({ logprobs }) => logprobs)).toEqual(told);
  expect((await joinOllamaChat(toOllamaChat(events(), options)))?.logprobs).toEqual(wire);
  expect((await joinOllamaGenerate(toOllamaGenerate(events(), options)))?.logprobs).toEqual(wire);
});
