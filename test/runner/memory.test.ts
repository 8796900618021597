import { describe, expect, test } from "bun:test";
import type { ChatMessage, GenerationRequest } from "../../src/core/generation.ts";
import type { LoadOptions } from "../../src/runner/protocol.ts";
import { chatOf, collect, fixtures, loadedRunners, startRunner, textOf } from "./start-runner.ts";

const { modelPath } = fixtures();
const runnerOf = loadedRunners(modelPath);
const memories = ["tiny-attentive", "tiny-window", "tiny-recurrent", "tiny-hybrid"];
const story = "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals. ".repeat(3);
const user = (content: string): ChatMessage => ({ role: "user", content });

const chat = (messages: ChatMessage[], request: Partial<GenerationRequest> = {}): GenerationRequest => ({
  input: { kind: "chat", messages },
  sampling: { temperature: 0 },
  maxTokens: 24,
  ...request,
});

/** The answer of a runner that has seen nothing before. */
const fresh = async (name: string, request: GenerationRequest, options: Partial<LoadOptions> = {}) => {
  await using stack = new AsyncDisposableStack();
  const runner = startRunner();
  stack.defer(() => runner.exit());
  await runner.load({ modelPath: modelPath(name), contextTokens: 1024, slots: 1, gpu: "cpu", ...options });
  return await collect(runner.generate(request));
};

describe.each(memories)("%s", (name) => {
  test("a second turn evaluates only what is new and answers as if it had evaluated all", async () => {
    const runner = await runnerOf(name, { contextTokens: 1024 });
    const one = await collect(runner.generate(chat([user(story)])));
    const turns = [user(story), { role: "assistant" as const, content: one.text }, user("And then?")];
    const two = await collect(runner.generate(chat(turns)));
    expect(two.done.counts.cachedTokens).toBeGreaterThanOrEqual(one.done.counts.promptTokens - 8);
    expect(two.text).toBe((await fresh(name, chat(turns))).text);
  });

  test("another question after the same beginning, and the first one again", async () => {
    const runner = await runnerOf(name, { contextTokens: 1024 });
    const request = chat([user(story)]);
    const one = await collect(runner.generate(request));
    const other = chat([user(`${story}?`)]);
    expect((await collect(runner.generate(other))).text).toBe((await fresh(name, other)).text);
    const again = await collect(runner.generate(request));
    expect(again.text).toBe(one.text);
  });

  test("a prompt that lost its slot comes back from host memory", async () => {
    const runner = await runnerOf(name, { contextTokens: 1024, promptCacheBytes: 64 << 20 });
    const first = chat([user(story)]);
    const one = await collect(runner.generate(first));
    await collect(runner.generate(textOf("0123456789".repeat(20), { maxTokens: 4 })));
    expect((await runner.stats()).promptCacheBytes).toBeGreaterThan(0);
    const again = await collect(runner.generate(first));
    expect(again.text).toBe(one.text);
    expect(again.done.counts.cachedTokens).toBeGreaterThanOrEqual(one.done.counts.promptTokens - 8);
  });

  test("an answer goes on when the context is full, if it may", async () => {
    const runner = await runnerOf(name, { contextTokens: 1024 });
    const full = textOf("Once upon a time", { maxTokens: 300, contextTokens: 64 });
    const short = await collect(runner.generate(full));
    expect(short.done).toMatchObject({
      reason: "length",
      counts: { completionTokens: 64 - short.done.counts.promptTokens },
    });
    const long = await collect(runner.generate({ ...full, overflow: { shift: true } }));
    expect(long.done.counts.completionTokens).toBe(300);
    expect(long.text.startsWith(short.text)).toBe(true);
    expect(long.text.slice(-100)).toMatch(/^[A-Za-z ]+$/);
  });
});

test("states beyond the limit are dropped, the oldest first", async () => {
  const limit = 300_000; // one state of the story takes about 150 kB
  const runner = await runnerOf("tiny-attentive", { contextTokens: 1024, promptCacheBytes: limit });
  for (let i = 0; i < 6; i++) await collect(runner.generate(chat([user(`${i} ${story}`)], { maxTokens: 1 })));
  const { promptCacheBytes } = await runner.stats();
  expect(promptCacheBytes).toBeGreaterThan(0);
  expect(promptCacheBytes).toBeLessThanOrEqual(limit);
});

test("without a prompt cache nothing is kept in host memory", async () => {
  const runner = await runnerOf("tiny-attentive", { contextTokens: 1024 });
  await collect(runner.generate(chat([user(story)])));
  await collect(runner.generate(textOf("0123456789".repeat(20), { maxTokens: 1 })));
  expect((await runner.stats()).promptCacheBytes).toBe(0);
});

test("a quantized KV cache and flash attention are what was asked for", async () => {
  const f16 = await runnerOf("tiny-attentive", { contextTokens: 4096 });
  const options = { modelPath: modelPath("tiny-attentive"), contextTokens: 4096, slots: 1, gpu: "cpu" } as const;
  const refused = startRunner();
  const load = refused.load({ ...options, kvCacheType: "q4_0", flashAttention: false });
  await expect(load).rejects.toMatchObject({ message: expect.stringContaining("needs flash attention") });
  await refused.exit();
  expect((await collect(f16.generate(chatOf("x", { maxTokens: 2 })))).done.counts.completionTokens).toBe(2);
});

describe("a chat that is longer than the context", () => {
  const turns = Array.from({ length: 20 }, (_, i): ChatMessage[] => [
    user(`question ${i} ${"x".repeat(20)}`),
    { role: "assistant", content: `answer ${i}` },
  ]).flat();
  const system: ChatMessage = { role: "system", content: "You are terse." };
  const long = chat([system, ...turns, user("last")], { contextTokens: 300 });

  test("is refused when it may not be cut", async () => {
    const runner = await runnerOf("tiny-attentive", { contextTokens: 1024 });
    await expect(collect(runner.generate(long))).rejects.toMatchObject({
      code: "context_overflow",
      message: expect.stringMatching(/^the prompt has \d+ tokens, but the context holds 300 /),
    });
  });

  test("loses its oldest turns, as few as needed", async () => {
    const runner = await runnerOf("tiny-attentive", { contextTokens: 2048 });
    const cut = await collect(runner.generate({ ...long, overflow: { truncatePrompt: true } }));
    const { promptTokens } = cut.done.counts;
    expect(promptTokens).toBeLessThan(300);
    const kept = async (count: number) =>
      await collect(runner.generate(chat([system, ...turns.slice(-count), user("last")])));
    const answers = await Promise.all(turns.map((_, index) => kept(index + 1)));
    const longest = answers.filter(({ done }) => done.counts.promptTokens < 300).at(-1);
    // The context of 300 tokens ends the answer earlier.
    expect(longest?.text.startsWith(cut.text)).toBe(true);
    expect(cut.done.counts.completionTokens).toBe(300 - promptTokens);
    expect(promptTokens).toBe(longest?.done.counts.promptTokens ?? 0);
  });

  test("is refused when its last turn alone is too long", async () => {
    const runner = await runnerOf("tiny-attentive", { contextTokens: 1024 });
    const request = chat([...turns, user("x".repeat(400))], { contextTokens: 300, overflow: { truncatePrompt: true } });
    await expect(collect(runner.generate(request))).rejects.toMatchObject({ code: "context_overflow" });
  });

  test("a text keeps its beginning and its end", async () => {
    const runner = await runnerOf("tiny-attentive", { contextTokens: 1024 });
    const overflow = { truncatePrompt: true, keepTokens: 10 };
    const cut = await collect(
      runner.generate(textOf("0123456789".repeat(50), { contextTokens: 100, overflow, maxTokens: 1 })),
    );
    expect(cut.done.counts.promptTokens).toBe(99);
    const same = await collect(
      runner.generate(textOf(`0123456789${"0123456789".repeat(50).slice(-89)}`, { maxTokens: 1 })),
    );
    expect(cut.text).toBe(same.text);
  });
});

test("the runner tells what it holds: in a slot, in host memory, in part; not what was displaced, cut or shifted", async () => {
  await using stack = new AsyncDisposableStack();
  const open = async (options: Partial<LoadOptions>) => {
    const runner = startRunner();
    stack.defer(() => runner.exit());
    await runner.load({ modelPath: modelPath("tiny-attentive"), contextTokens: 256, slots: 1, gpu: "cpu", ...options });
    return async (
      mark: bigint,
      text: string,
      request: Partial<GenerationRequest> = {},
      earlier: ChatMessage[] = [],
    ) => {
      const prefix = { prefix: [mark], prefixTokens: [10], promptTokens: 20 };
      await collect(runner.generate({ ...chat([...earlier, user(text)], { maxTokens: 4, ...request }), prefix }));
      await runner.stats(); // what it told by itself has come before the answer to this
      return runner.heldPrefixes().marks;
    };
  };
  const ask = await open({ promptCacheBytes: 64 << 20 });
  expect(await ask(1n, story.slice(0, 100))).toEqual([1n]);
  expect(await ask(2n, "0123456789".repeat(10))).toEqual([2n, 1n]);
  const earlier = [user("x".repeat(300)), { role: "assistant" as const, content: "x" }];
  expect(await ask(3n, "y".repeat(150), { overflow: { truncatePrompt: true } }, earlier)).toEqual([2n, 1n]);
  expect(await ask(1n, story.slice(0, 100))).toEqual([1n, 2n]);

  const forgetful = await open({ promptCacheBytes: 0 });
  expect(await forgetful(1n, story.slice(0, 100))).toEqual([1n]);
  expect(await forgetful(2n, "0123456789".repeat(10))).toEqual([2n]);
  expect(await forgetful(3n, story.slice(0, 100), { maxTokens: 400, overflow: { shift: true } })).toEqual([]);
});
