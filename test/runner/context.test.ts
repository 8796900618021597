import { expect, test } from "bun:test";
import type { GenerationRequest } from "../../src/core/generation.ts";
import { chatOf, collect, fixtures, loadedRunners, textOf } from "./start-runner.ts";

const { modelPath } = fixtures();
const loaded = loadedRunners(modelPath);
const told = { tellTokens: true, maxTokens: 40 };

const after = (context: Iterable<number>, request: GenerationRequest): GenerationRequest => {
  if (request.input.kind !== "chat") throw new TypeError("a context goes before a chat");
  return { ...request, input: { ...request.input, context: [...context] } };
};

/** The tokens of a text. */
const tokensOf = async (name: string, text: string) => {
  const runner = await loaded(name);
  const { done } = await collect(runner.generate(textOf(text, { tellTokens: true, maxTokens: 0 })));
  return [...(done.tokens ?? [])];
};

test("the end tells the tokens of prompt and answer, only where it is asked to", async () => {
  const runner = await loaded("tiny-hello");
  const { done, text } = await collect(runner.generate(chatOf("hi", told)));
  const prompt = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";
  expect([...(done.tokens ?? [])]).toEqual(await tokensOf("tiny-hello", `${prompt}${text}<|im_end|>`));
  expect((await collect(runner.generate(chatOf("hi")))).done).not.toHaveProperty("tokens");
});

test("a limit keeps the last token, a stop string leaves no trace", async () => {
  const runner = await loaded("tiny-hello");
  const prompt = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";
  const short = await collect(runner.generate(chatOf("hi", { tellTokens: true, maxTokens: 2 })));
  expect(short.done.tokens).toHaveLength(short.done.counts.promptTokens + 2);
  for (const stop of ["a tin", "ny", "Hello", " model."]) {
    const { done, text } = await collect(runner.generate(chatOf("hi", { ...told, stop: [stop] })));
    expect(done.stopText).toBe(stop);
    const spelt = await tokensOf("tiny-hello", `${prompt}${text}`);
    expect([...(done.tokens ?? [])]).toEqual(spelt);
  }
});

test("a conversation goes on from its tokens, which are evaluated only once", async () => {
  const runner = await loaded("tiny-attentive");
  const first = await collect(runner.generate(chatOf("One", told)));
  const earlier = first.done.tokens ?? [];
  const second = await collect(runner.generate(after(earlier, chatOf("Two", told))));
  const fresh = await collect(runner.generate(chatOf("Two", told)));
  expect(second.done.counts.promptTokens).toBe(earlier.length + fresh.done.counts.promptTokens);
  expect(second.done.counts.cachedTokens).toBe(earlier.length - 1); // its last token was only sampled
  expect(second.text).not.toBe(fresh.text);
  // The same conversation as one text.
  const prompt = (content: string) => `<|im_start|>user\n${content}<|im_end|>\n<|im_start|>assistant\n`;
  const whole = textOf(`${prompt("One")}${first.text}${prompt("Two")}`, told);
  expect((await collect(runner.generate(whole))).text).toBe(second.text);
});

test("tokens that the model does not have are refused; what is too long loses its middle where that is allowed", async () => {
  const runner = await loaded("tiny-hello");
  await expect(collect(runner.generate(after([5, 99_999], chatOf("hi"))))).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringMatching(/^context has token 99999, but the model has only \d+$/),
  });
  const long = after(Array(600).fill(100), chatOf("hi", { maxTokens: 5 }));
  await expect(collect(runner.generate(long))).rejects.toMatchObject({ code: "context_overflow" });
  const { done, text } = await collect(runner.generate({ ...long, overflow: { truncatePrompt: true } }));
  expect([text, done.counts.promptTokens]).toEqual(["Hello", 511]);
});
