import { expect, test } from "bun:test";
import { fixtureModels, getFixtureModel } from "../../scripts/fixtures/models.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import type { RunnerHandle } from "../../src/runner/handle.ts";
import { chatOf, collect, fixtures, loadedRunners, textOf } from "./start-runner.ts";

const { modelPath } = fixtures();
const runnerOf = loadedRunners(modelPath);

/** Starts an endless answer and waits for its first piece; `read` goes on with it. */
const startEndless = async (runner: RunnerHandle, signal?: AbortSignal) => {
  const stream = runner.generate(chatOf("go"), signal)[Symbol.asyncIterator]();
  expect((await stream.next()).value).toMatchObject({ type: "started" });
  expect((await stream.next()).value).toMatchObject({ type: "text" });
  return stream;
};

const readUntilDone = async (stream: AsyncIterator<GenerationEvent>) => {
  for (let step = await stream.next(); !step.done; step = await stream.next())
    if (step.value.type === "done") return step.value;
  throw new Error("the stream ended without done");
};

test("greedy text is the same with one and with eight requests at once, on every model", async () => {
  const loadable = fixtureModels.filter(({ defect, ranks }) => defect === undefined && !ranks).map(({ name }) => name);
  for (const name of loadable) {
    const runner = await runnerOf(name, { slots: 4 });
    const requests = Array.from({ length: 8 }, (_, i) => chatOf(`question ${"x".repeat(i * 7)}`, { maxTokens: 40 }));
    const alone: string[] = [];
    for (const request of requests) alone.push((await collect(runner.generate(request))).text);
    const together = await Promise.all(requests.map((request) => collect(runner.generate(request))));
    expect(together.map(({ text }) => text)).toEqual(alone);
  }
}, 120_000);

test("requests beyond the slots wait in order, and all are answered", async () => {
  const runner = await runnerOf("tiny-hello", { slots: 1 });
  const order: number[] = [];
  const answers = Array.from({ length: 20 }, async (_, i) => {
    const { text } = await collect(runner.generate(chatOf(`request ${i}`)));
    order.push(i);
    return text;
  });
  expect(new Set(await Promise.all(answers))).toEqual(new Set([getFixtureModel("tiny-hello").answer ?? ""]));
  expect(order).toEqual([...order.keys()]);
});

test("a short answer joins and leaves while a long one runs", async () => {
  const runner = await runnerOf("tiny-endless", { slots: 2, contextTokens: 4096 });
  const long = await startEndless(runner);
  const short = await collect(runner.generate(chatOf("short", { maxTokens: 5 })));
  expect(short.done.counts.completionTokens).toBe(5);
  expect((await runner.stats()).busySlots).toBe(1);
  await long.return?.();
});

test("a long prompt does not stop a running answer", async () => {
  const runner = await runnerOf("tiny-endless", { slots: 2, contextTokens: 4096 });
  const running = await startEndless(runner);
  let piecesMeanwhile = 0;
  let finished = false;
  const prompted = collect(runner.generate(textOf("a b ".repeat(900), { maxTokens: 1 }))).finally(() => {
    finished = true;
  });
  while (!finished) {
    await running.next();
    piecesMeanwhile++;
  }
  expect((await prompted).done.counts.promptTokens).toBeGreaterThan(1000);
  expect(piecesMeanwhile).toBeGreaterThan(1);
  await running.return?.();
});

test("leaving the loop frees the slot", async () => {
  const runner = await runnerOf("tiny-endless", { slots: 1, contextTokens: 4096 });
  const finishedBefore = (await runner.stats()).finished;
  for await (const _ of runner.generate(chatOf("go"))) break;
  // The only slot is free again only if the endless answer has ended.
  const next = await collect(runner.generate(chatOf("next", { maxTokens: 2 })));
  expect(next.done.reason).toBe("length");
  expect(await runner.stats()).toMatchObject({ busySlots: 0, queued: 0, finished: finishedBefore + 2 });
});

test("an aborted signal ends a running and a waiting request with `cancelled`", async () => {
  const runner = await runnerOf("tiny-endless", { slots: 1, contextTokens: 4096 });
  const abort = new AbortController();
  const running = await startEndless(runner, abort.signal);
  const waiting = collect(runner.generate(chatOf("waits"), abort.signal)).catch((error) => error);
  const third = collect(runner.generate(chatOf("third", { maxTokens: 1 })));
  abort.abort();
  await expect(readUntilDone(running)).rejects.toMatchObject({ code: "cancelled" });
  expect(await waiting).toMatchObject({ code: "cancelled" });
  expect((await third).done.reason).toBe("length");
  await expect(collect(runner.generate(chatOf("x"), abort.signal))).rejects.toMatchObject({ code: "cancelled" });
});

test("a second turn evaluates only what is new", async () => {
  const runner = await runnerOf("tiny-hello", { slots: 2 });
  const first = { role: "user" as const, content: "a long first message ".repeat(8) };
  const chat = (messages: { role: "user" | "assistant"; content: string }[]) =>
    collect(runner.generate({ input: { kind: "chat", messages }, sampling: { temperature: 0 } }));
  const one = await chat([first]);
  const two = await chat([first, { role: "assistant", content: one.text }, { role: "user", content: "and?" }]);
  expect(two.text).toBe(one.text);
  expect(two.done.counts.cachedTokens).toBeGreaterThanOrEqual(one.done.counts.promptTokens);
  expect(two.done.counts.cachedTokens).toBeLessThan(two.done.counts.promptTokens);
  const again = await chat([first]);
  expect(again.done.counts.cachedTokens).toBe(one.done.counts.promptTokens - 1); // the last token's logits are made anew
});

test("an answer that nobody reads is paused, gives its slot to others and goes on where it was", async () => {
  const runner = await runnerOf("tiny-endless", { slots: 1, contextTokens: 4096 });
  const stream = runner.generate(chatOf("go", { maxTokens: 3000 }))[Symbol.asyncIterator]();
  let text = "";
  const read = async () => {
    const { value } = await stream.next();
    if (value?.type === "text") text += value.text;
    return value?.type;
  };
  await read();
  while ((await runner.stats()).paused === 0);
  const { completionTokens } = await runner.stats();
  for (let i = 0; i < 3; i++) {
    const other = await collect(runner.generate(chatOf(`other ${i}`, { maxTokens: 20 })));
    expect(other.done.counts.completionTokens).toBe(20);
  }
  expect(await runner.stats()).toMatchObject({ paused: 1, completionTokens: completionTokens + 60 });
  while ((await read()) !== "done");
  expect(text.match(/t[io]ck/g)).toHaveLength(3000);
  expect(text.replace(/ ?tick tock/g, "").trim()).toBe("");
});
