import { expect, test } from "bun:test";
import { AppError } from "../../src/core/errors.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { silentLog } from "../../src/core/log.ts";
import { createEngine } from "../../src/engine/engine.ts";
import type { EngineOptions } from "../../src/engine/types.ts";
import { type FakeRunner, type FakeRunnerScript, fakeCounts, fakeRunner } from "../fakes/fake-runner.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const request = { input: { kind: "text", text: "hi" }, sampling: {} } as const;
const acquireOptions = { keepAliveMs: 60_000, contextTokens: 4096 };
const model = (id: string) => ({ id, name: id, modelPath: `/models/${id}` });

const setUp = (overrides: Partial<EngineOptions> = {}, script: FakeRunnerScript = {}) => {
  const clock = manualClock();
  const runners: FakeRunner[] = [];
  const startRunner = async () => {
    const runner = fakeRunner(script);
    runners.push(runner);
    return runner;
  };
  const engine = createEngine({
    startRunner,
    clock,
    log: silentLog,
    maxLoadedModels: 2,
    maxQueue: 2,
    slots: 1,
    ...overrides,
  });
  return { clock, runners, engine };
};

const textOf = async (events: AsyncIterable<GenerationEvent>) => {
  let text = "";
  for await (const event of events) if (event.type === "text") text += event.text;
  return text;
};

test("acquire loads once for many and the answer comes from the runner", async () => {
  const { engine, runners } = setUp();
  const [a, b] = await Promise.all([
    engine.acquire(model("a"), acquireOptions),
    engine.acquire(model("a"), acquireOptions),
  ]);
  expect(runners).toHaveLength(1);
  expect(await textOf(a.generate(request))).toBe("Hello");
  expect(await textOf(b.generate(request))).toBe("Hello");
  expect(engine.running()[0]?.users).toBe(2);
});

test("an idle model goes after its keep-alive, one in use stays", async () => {
  const { engine, runners, clock } = setUp();
  const lease = await engine.acquire(model("a"), acquireOptions);
  await clock.advance(120_000);
  expect(runners[0]?.alive).toBe(true);
  await lease[Symbol.asyncDispose]();
  expect(engine.running()[0]?.expiresAtMs).toBe(clock.now() + 60_000);
  await clock.advance(59_999);
  expect(engine.running()).toHaveLength(1);
  await clock.advance(1);
  expect(engine.running()).toHaveLength(0);
  expect(runners[0]?.alive).toBe(false);
});

test("keep-alive 0 ends the runner with its last user, Infinity never does", async () => {
  const { engine, runners, clock } = setUp();
  await (await engine.acquire(model("a"), { ...acquireOptions, keepAliveMs: 0 }))[Symbol.asyncDispose]();
  await clock.advance(0);
  expect(runners[0]?.alive).toBe(false);
  const forever = { ...acquireOptions, keepAliveMs: Number.POSITIVE_INFINITY };
  await (await engine.acquire(model("b"), forever))[Symbol.asyncDispose]();
  await clock.advance(1e12);
  expect(runners[1]?.alive).toBe(true);
  expect(engine.running()[0]?.expiresAtMs).toBe(Number.POSITIVE_INFINITY);
});

test("the least recently used idle model makes room for a new one", async () => {
  const { engine, runners, clock } = setUp();
  for (const id of ["a", "b"]) {
    await (await engine.acquire(model(id), acquireOptions))[Symbol.asyncDispose]();
    await clock.advance(1);
  }
  const lease = await engine.acquire(model("c"), acquireOptions);
  expect(runners.map((runner) => runner.alive)).toEqual([false, true, true]);
  await lease[Symbol.asyncDispose]();
});

test("a busy model is never evicted: the newcomer waits until one is idle", async () => {
  const { engine, runners } = setUp();
  const a = await engine.acquire(model("a"), acquireOptions);
  await engine.acquire(model("b"), acquireOptions);
  const waiting = engine.acquire(model("c"), acquireOptions);
  await Promise.resolve();
  expect(runners).toHaveLength(2);
  await a[Symbol.asyncDispose]();
  await waiting;
  expect(runners.map((runner) => runner.alive)).toEqual([false, true, true]);
});

test("a request for a larger context reloads, one for a smaller context does not", async () => {
  const { engine, runners } = setUp();
  await (await engine.acquire(model("a"), acquireOptions))[Symbol.asyncDispose]();
  await (await engine.acquire(model("a"), { ...acquireOptions, contextTokens: 512 }))[Symbol.asyncDispose]();
  expect(runners).toHaveLength(1);
  const larger = await engine.acquire(model("a"), { ...acquireOptions, contextTokens: 8192 });
  expect(runners.map((runner) => runner.alive)).toEqual([false, true]);
  await larger[Symbol.asyncDispose]();
  await engine.acquire(model("a"), { ...acquireOptions, contextTokens: 100_000 });
  expect(runners).toHaveLength(2); // 8192 is all that the model was trained for
});

test("a crashed runner is reported and replaced at the next request", async () => {
  const warnings: string[] = [];
  const { engine, runners } = setUp({ log: { ...silentLog, warn: (message) => warnings.push(message) } });
  const lease = await engine.acquire(model("a"), acquireOptions);
  runners[0]?.crash();
  await expect(textOf(lease.generate(request))).rejects.toMatchObject({ code: "runner_crashed" });
  await lease[Symbol.asyncDispose]();
  const again = await engine.acquire(model("a"), acquireOptions);
  expect(await textOf(again.generate(request))).toBe("Hello");
  expect(runners).toHaveLength(2);
  await engine.close(); // ends the second one, which is no crash
  expect(warnings).toEqual(["the runner of a ended by itself; the next request starts another"]);
});

test("a failed load reaches every waiter and leaves nothing behind", async () => {
  const failure = new AppError("load_failed", "cannot load a: the file is broken");
  const { engine, runners } = setUp({}, { load: () => Promise.reject(failure) });
  const both = await Promise.allSettled([
    engine.acquire(model("a"), acquireOptions),
    engine.acquire(model("a"), acquireOptions),
  ]);
  expect(both.map((result) => result.status === "rejected" && result.reason)).toEqual([failure, failure]);
  expect(engine.running()).toHaveLength(0);
  expect(runners.map((runner) => runner.alive)).toEqual([false]);
});

test("requests to a busy model are answered in order; one too many is refused", async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const { engine } = setUp(
    {},
    {
      async *generate({ input }) {
        await gate.promise;
        order.push(input.kind === "text" ? input.text : "");
        yield { type: "done", reason: "stop", counts: fakeCounts };
      },
    },
  );
  const lease = await engine.acquire(model("a"), acquireOptions);
  const ask = (text: string) => textOf(lease.generate({ input: { kind: "text", text }, sampling: {} }));
  const asked = ["1", "2", "3"].map(ask);
  await expect(ask("4")).rejects.toMatchObject({ code: "busy", status: 503 });
  gate.resolve();
  await Promise.all(asked);
  expect(order).toEqual(["1", "2", "3"]);
});

test("an aborted wait takes no slot and no lease", async () => {
  const gate = Promise.withResolvers<void>();
  const { engine, runners, clock } = setUp({}, { load: () => gate.promise });
  const abort = new AbortController();
  const waiting = engine.acquire(model("a"), { ...acquireOptions, keepAliveMs: 1000, signal: abort.signal });
  await clock.advance(0);
  abort.abort(new AppError("cancelled", "gone"));
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  gate.resolve();
  await clock.advance(1000);
  expect(runners[0]?.alive).toBe(false);
});

test("unload ends an idle model at once, a busy one after its answer", async () => {
  const { engine, runners } = setUp();
  const lease = await engine.acquire(model("a"), acquireOptions);
  expect(await engine.unload("a")).toBe(true);
  expect(runners[0]?.alive).toBe(true);
  await lease[Symbol.asyncDispose]();
  await runners[0]?.exited;
  expect(await engine.unload("a")).toBe(false);
});

test("close ends everything and refuses newcomers", async () => {
  const { engine, runners } = setUp();
  await engine.acquire(model("a"), acquireOptions);
  await engine.close();
  expect(runners[0]?.alive).toBe(false);
  await expect(engine.acquire(model("b"), acquireOptions)).rejects.toMatchObject({ code: "busy" });
});
