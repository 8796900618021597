import { expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../src/core/errors.ts";
import { silentLog } from "../../src/core/log.ts";
import { spawnRunner } from "../../src/runner/spawn.ts";
import { compileLibrary } from "../fakes/compile.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { chatOf, collect, fixtures, runnerCommand, startRunner } from "./start-runner.ts";

const { modelPath, dir } = fixtures();

const load = (name: string) => ({ modelPath: modelPath(name), contextTokens: 4096, slots: 1, gpu: "cpu" as const });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

test("load tells its progress and describes the model; exit ends the process with 0", async () => {
  const runner = startRunner();
  const progress: number[] = [];
  const model = await runner.load(load("tiny-think"), { onProgress: (fraction) => progress.push(fraction) });
  expect(model).toMatchObject({ contextTokens: 4096, slots: 1, backend: "cpu", gpuLayers: 0, vramBytes: 0 });
  expect(model.capabilities).toEqual({ thinking: true, tools: false, vision: false, audio: false });
  expect(model.chatTemplate).toContain("enable_thinking");
  expect(model.memoryBytes).toBeGreaterThan(500_000);
  expect(progress.at(-1)).toBe(1);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  await runner.exit();
  expect(await runner.exited).toEqual({ code: 0, signal: null });
  expect(isAlive(runner.pid)).toBe(false);
  await expect(runner.stats()).rejects.toMatchObject({ code: "runner_crashed" });
  await expect(collect(runner.generate(chatOf("x")))).rejects.toMatchObject({ code: "runner_crashed" });
  await runner.exit(); // once more is harmless
});

test("a context longer than the model's own is capped", async () => {
  const runner = startRunner();
  expect((await runner.load({ ...load("tiny-hello"), contextTokens: 100_000 })).contextTokens).toBe(4096);
  await runner.exit();
});

test("llama.cpp is loaded once, from the folder of the bridge", async () => {
  const runner = startRunner();
  await runner.load(load("tiny-hello"));
  const maps = readFileSync(`/proc/${runner.pid}/maps`, "utf8");
  const files = new Set(maps.match(/\/\S+\.(?:so[.\d]*|node)(?=\n)/g));
  for (const name of [/\/libllama-common\.so$/, /\/libllama\.v[\d.]+\.so$/, /\/libggml-base\.so$/, /\/bridge\.node$/])
    expect([name, [...files].filter((file) => name.test(file)).length]).toEqual([name, 1]);
  await runner.exit();
});

test("each broken file fails with its own reason", async () => {
  const reasons = {
    "edge-truncated": { code: "corrupt", message: /truncated/ },
    "edge-truncated-header": { code: "corrupt", message: /ends inside/ },
    "edge-beyond-end": { code: "corrupt", message: /output\.weight/ },
    "edge-bad-magic": { code: "corrupt", message: /GGUF/ },
    "edge-unknown-architecture": { code: "unsupported", message: /"zebra" is not supported/ },
  };
  for (const [name, { code, message }] of Object.entries(reasons)) {
    const runner = startRunner();
    const error = await runner.load(load(name)).catch((thrown) => thrown);
    expect([name, error.code]).toEqual([name, code]);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
    await runner.exit();
  }
  const runner = startRunner();
  const missing = runner.load({ ...load("tiny-hello"), modelPath: join(dir(), "nowhere.gguf") });
  await expect(missing).rejects.toMatchObject({ code: "model_not_found" });
  await runner.exit();
}, 120_000);

test("impossible options are refused", async () => {
  const runner = startRunner();
  await expect(runner.load({ ...load("tiny-hello"), slots: 0 })).rejects.toMatchObject({ code: "invalid_argument" });
  await runner.exit();
});

test("a runner killed in mid-answer breaks that answer, and says how", async () => {
  const runner = startRunner();
  await runner.load(load("tiny-endless"));
  const text: string[] = [];
  const read = async () => {
    for await (const event of runner.generate(chatOf("go"))) {
      if (event.type !== "text") continue;
      text.push(event.text);
      process.kill(runner.pid, "SIGKILL");
    }
  };
  const error = await read().catch((thrown) => thrown);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: "runner_crashed", message: "the model's runner process was ended by SIGKILL" });
  expect(text.length).toBeGreaterThan(0);
  expect(await runner.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("a load that memory has no room for fails with one line, and the next runner is not concerned", async () => {
  const folder = compileLibrary(join(import.meta.dir, "refusing-memory.c"), "refusing.so");
  const poor = startRunner({ command: ["env", `LD_PRELOAD=${join(folder, "refusing.so")}`, ...runnerCommand] });
  const large = { ...load("tiny-attentive"), slots: 64 };
  await expect(poor.load(large)).rejects.toMatchObject({
    code: "load_failed",
    message: expect.stringMatching(/^cannot load tiny-attentive-F32.gguf: there is not enough memory for it$/),
  });
  await poor.exit();
  expect(await poor.exited).toEqual({ code: 0, signal: null });
  const rich = startRunner();
  expect((await rich.load(large)).slots).toBe(64);
  await rich.exit();
  rmSync(folder, { recursive: true });
});

test("aborting a load ends the process", async () => {
  const runner = startRunner();
  const abort = new AbortController();
  const loading = runner.load(load("tiny-hello"), { signal: abort.signal });
  abort.abort();
  await expect(loading).rejects.toMatchObject({ code: "cancelled" });
  expect((await runner.exited).signal).toBe("SIGKILL");
});

test("Ctrl+C and a service manager's TERM do not end a runner", async () => {
  const runner = startRunner();
  await runner.load(load("tiny-hello"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(runner.pid, signal);
  expect((await collect(runner.generate(chatOf("still there?")))).done.reason).toBe("stop");
  await runner.exit();
  expect((await runner.exited).code).toBe(0);
});

test("when the node dies its runner ends by itself, in mid-answer too", async () => {
  const node = Bun.spawn(
    [process.execPath, join(import.meta.dir, "doomed-node.ts"), modelPath("tiny-endless"), ...runnerCommand],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  const reader = node.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  expect(isAlive(pid)).toBe(true);
  node.kill("SIGKILL");
  await node.exited;
  while (isAlive(pid)) await new Promise(setImmediate);
  expect(isAlive(pid)).toBe(false);
});

test("garbage from the node is dropped, and the runner goes on", async () => {
  const lines: string[] = [];
  const messages: { type: string; id?: number; code?: string }[] = [];
  let wake: (() => void) | undefined;
  const child = Bun.spawn(runnerCommand, {
    stdio: ["ignore", "ignore", "pipe"],
    serialization: "advanced",
    ipc(message) {
      messages.push(message);
      wake?.();
    },
  });
  for (const garbage of [
    null,
    7,
    "x",
    [],
    {},
    { type: "generate" },
    { type: "toString" },
    { type: "load", options: 1 },
    { type: "generate", id: 41, request: { stop: 5 } },
  ])
    child.send(garbage);
  child.send({ type: "stats", id: 42 });
  while (messages.length < 2)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  // Somebody waits for a request that has an id. And nothing is loaded: that is an answer, not a crash.
  expect(messages).toMatchObject([
    { type: "error", id: 41, code: "invalid_argument" },
    { type: "error", id: 42, code: "internal" },
  ]);
  child.send({ type: "exit" });
  lines.push(...(await new Response(child.stderr).text()).split("\n"));
  expect(await child.exited).toBe(0);
  expect(lines.filter((line) => line.includes("dropped a message of unknown shape"))).toHaveLength(9);
});

test("garbage from the runner is dropped, and a deaf runner is killed by the clock", async () => {
  const warnings: string[] = [];
  const debug: string[] = [];
  const clock = manualClock();
  const runner = spawnRunner({
    command: [process.execPath, join(import.meta.dir, "deaf-runner.ts")],
    env: { ...process.env, HF_TOKEN: "secret" },
    log: { ...silentLog, warn: (line) => warnings.push(line), debug: (line) => debug.push(line) },
    clock,
  });
  const model = await runner.load({ modelPath: "x", contextTokens: 1, slots: 1 });
  expect(model.chatTemplate).toBe("HF_TOKEN is undefined");
  expect(warnings).toHaveLength(4);
  const leaving = runner.exit();
  await clock.advance(2_999);
  expect(isAlive(runner.pid)).toBe(true);
  await clock.advance(1);
  await leaving;
  expect((await runner.exited).signal).toBe("SIGKILL");
});

test("a command that does not exist is a clear error", () => {
  expect(() => startRunner({ command: ["/does/not/exist"] })).toThrow(/cannot start a runner process/);
});
