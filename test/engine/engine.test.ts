import { expect, test } from "bun:test";
import { AppError } from "../../src/core/errors.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { silentLog } from "../../src/core/log.ts";
import { createEngine } from "../../src/engine/engine.ts";
import type { EngineModel, EngineOptions } from "../../src/engine/types.ts";
import { type FakeRunner, type FakeRunnerScript, fakeRunner } from "../fakes/fake-runner.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const request = { input: { kind: "text", text: "hi" }, sampling: {} } as const;
const acquireOptions = { keepAliveMs: 60_000, contextTokens: 4096, defaultContextTokens: 4096 };
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
    gpuMemory: () => undefined,
    hostMemory: () => ({ availableBytes: 1e12, totalBytes: 1e12 }),
    memoryNeed: async () => ({ weightsBytes: 0, kvBytesPerToken: 0, computeBytes: 0 }),
    checkFile: async () => undefined,
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

test("as many requests as slots and queue hold go to the runner in order, one more is refused", async () => {
  const { engine, runners } = setUp({ slots: 2, maxQueue: 3 });
  const ask = async (text: string) => {
    await using lease = await engine.acquire(model("a"), acquireOptions);
    return await textOf(lease.generate({ input: { kind: "text", text }, sampling: {} }));
  };
  const asked = await Promise.allSettled(["1", "2", "3", "4", "5", "6"].map(ask));
  expect(asked.map(({ status }) => status === "fulfilled")).toEqual([true, true, true, true, true, false]);
  expect(asked[5]).toMatchObject({ reason: { code: "busy", status: 503, retryAfterSeconds: 1 } });
  const texts = runners[0]?.requests.map(({ input }) => (input.kind === "text" ? input.text : ""));
  expect(texts).toEqual(["1", "2", "3", "4", "5"]);
  expect(await ask("7")).toBe("Hello");
});

test("idle models go for a new one that memory has no room for; what fits nowhere is refused", async () => {
  let availableBytes = 1000;
  const hostMemory = () => ({ availableBytes, totalBytes: 1000 });
  const memoryNeed = async ({ id }: EngineModel) => ({
    weightsBytes: id === "huge" ? 5000 : 600,
    kvBytesPerToken: 0,
    computeBytes: 100,
  });
  const { engine, runners } = setUp({ hostMemory, memoryNeed });
  await (await engine.acquire(model("a"), acquireOptions))[Symbol.asyncDispose]();
  availableBytes = 300;
  void runners[0]?.exited.then(() => {
    availableBytes = 1000;
  });
  await engine.acquire(model("b"), acquireOptions);
  expect(runners.map((runner) => runner.alive)).toEqual([false, true]);
  await expect(engine.acquire(model("huge"), acquireOptions)).rejects.toMatchObject({
    code: "load_failed",
    message: expect.stringMatching(/^cannot load huge: it needs 5.1 KB of memory .* 1 KB of 1 KB are available$/),
  });
  expect(runners[1]?.alive).toBe(true);
});

test("a load that ends the process is blamed on the file when that is broken", async () => {
  const crash = new AppError("runner_crashed", "the model's runner process was ended by SIGABRT");
  const load = () => Promise.reject(crash);
  const whole = setUp({}, { load });
  await expect(whole.engine.acquire(model("a"), acquireOptions)).rejects.toBe(crash);
  const checkFile = ({ name }: EngineModel) => Promise.reject(new AppError("corrupt", `${name} is broken`));
  const broken = setUp({ checkFile }, { load });
  await expect(broken.engine.acquire(model("a"), acquireOptions)).rejects.toMatchObject({
    code: "corrupt",
    message: "a is broken",
  });
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

const onGpu = { gpuMemory: () => ({ freeBytes: 8e9, totalBytes: 8e9 }) };

test("on a GPU llama.cpp is asked first, and what it found is loaded: a default context may become smaller", async () => {
  const script: FakeRunnerScript = { estimate: () => ({ fittedContextTokens: 6144 }) };
  const { engine, runners } = setUp(onGpu, script);
  await using lease = await engine.acquire(model("a"), { keepAliveMs: 60_000, defaultContextTokens: 32_768 });
  expect(runners[0]?.estimates).toMatchObject([{ contextTokens: 32_768, contextTokensMin: 4096 }]);
  expect(runners[0]?.loads).toMatchObject([{ contextTokens: 6144 }]);
  expect(lease.model.contextTokens).toBe(6144);
  await using again = await engine.acquire(model("a"), { keepAliveMs: 60_000, defaultContextTokens: 32_768 });
  expect(again.model).toBe(lease.model);
});

test("a context that was asked for by number is not made smaller", async () => {
  const { engine, runners } = setUp(onGpu);
  await using _lease = await engine.acquire(model("a"), { ...acquireOptions, contextTokens: 16_384 });
  expect(runners[0]?.estimates).toMatchObject([{ contextTokens: 16_384, contextTokensMin: 16_384 }]);
});

test("a model that no plan fits is refused with the device that is too small, and its runner ends", async () => {
  const gpu = { device: "CUDA0", weightsBytes: 9e9, contextBytes: 0, computeBytes: 0, freeBytes: 8e9, totalBytes: 8e9 };
  const { engine, runners } = setUp(onGpu, { estimate: () => ({ fits: false, fitted: [gpu] }) });
  const failed = engine.acquire(model("a"), acquireOptions);
  await expect(failed).rejects.toThrow("cannot load a: it needs 9 GB of CUDA0's memory, and 8 GB are free");
  expect(runners[0]).toMatchObject({ alive: false, loads: [] });
});
