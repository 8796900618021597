import { afterAll, beforeAll } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFixtureModels } from "../../scripts/fixtures/models.ts";
import { buildNative } from "../../scripts/native.ts";
import type { ContentPart, GenerationEvent, GenerationRequest } from "../../src/core/generation.ts";
import { silentLog } from "../../src/core/log.ts";
import type { RunnerHandle } from "../../src/runner/handle.ts";
import type { LoadOptions } from "../../src/runner/protocol.ts";
import { type SpawnOptions, spawnRunner } from "../../src/runner/spawn.ts";

export const runnerCommand = [process.execPath, join(import.meta.dir, "runner-entry.ts")];

/** A runner process without a model. */
export const startRunner = (options: Partial<SpawnOptions> = {}): RunnerHandle =>
  spawnRunner({ command: runnerCommand, env: process.env, log: silentLog, ...options });

/** Built once for a test file: the bridge and every fixture model. */
export const fixtures = (): {
  modelPath: (name: string) => string;
  projectorPath: (name: string) => string;
  dir: () => string;
} => {
  let dir = "";
  const files = new Map<string, string>();
  const projectors = new Map<string, string>();
  beforeAll(async () => {
    await buildNative();
    dir = await mkdtemp(join(tmpdir(), "llmlb-runner-"));
    for (const { model, file, projectorFile } of await buildFixtureModels(dir)) {
      if (!files.has(model.name)) files.set(model.name, file);
      if (projectorFile) projectors.set(model.name, projectorFile);
    }
  }, 600_000);
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const pathIn = (paths: Map<string, string>) => (name: string) => {
    const file = paths.get(name);
    if (file === undefined) throw new RangeError(`no fixture model ${name}`);
    return file;
  };
  return { dir: () => dir, modelPath: pathIn(files), projectorPath: pathIn(projectors) };
};

/** Runners with a model, started at their first use and ended with the test file. */
export const loadedRunners = (modelPath: (name: string) => string) => {
  const runners = new Map<string, Promise<RunnerHandle>>();
  afterAll(async () => {
    for (const runner of runners.values()) await (await runner).exit();
  });
  const start = async (name: string, options: Partial<LoadOptions>) => {
    const runner = startRunner();
    await runner.load({ modelPath: modelPath(name), contextTokens: 512, slots: 1, gpu: "cpu", ...options });
    return runner;
  };
  return (name: string, options: Partial<LoadOptions> = {}): Promise<RunnerHandle> => {
    const key = `${name} ${JSON.stringify(options)}`;
    const runner = runners.get(key) ?? start(name, options);
    runners.set(key, runner);
    return runner;
  };
};

/** A chat of one user message, greedy unless `sampling` says otherwise. */
export const chatOf = (content: string, request: Partial<GenerationRequest> = {}): GenerationRequest => ({
  input: { kind: "chat", messages: [{ role: "user", content }] },
  sampling: { temperature: 0 },
  ...request,
});

/** A chat of one user message that shows pictures before its text. */
export const showOf = (
  pictures: readonly Uint8Array[],
  text: string,
  request: Partial<GenerationRequest> = {},
): GenerationRequest => ({
  input: { kind: "chat", messages: [{ role: "user", content: partsOf(pictures, text) }] },
  sampling: { temperature: 0 },
  ...request,
});

export const partsOf = (pictures: readonly Uint8Array[], text: string): ContentPart[] => [
  ...pictures.map((data) => ({ type: "image", data }) as const),
  { type: "text", text },
];

export const textOf = (text: string, request: Partial<GenerationRequest> = {}): GenerationRequest => ({
  input: { kind: "text", text },
  sampling: { temperature: 0 },
  ...request,
});

export interface Answer {
  text: string;
  reasoning: string;
  toolCalls: { id: string; name: string; arguments: string }[];
  done: Extract<GenerationEvent, { type: "done" }>;
  events: GenerationEvent[];
}

/** Reads an answer to its end; throws when it does not end with `done`. */
export const collect = async (stream: AsyncIterable<GenerationEvent>): Promise<Answer> => {
  const answer: Omit<Answer, "done"> = { text: "", reasoning: "", toolCalls: [], events: [] };
  for await (const event of stream) {
    answer.events.push(event);
    if (event.type === "text" || event.type === "reasoning") answer[event.type] += event.text;
    if (event.type === "toolCall") {
      const { index, id = "", name = "" } = event;
      const call = answer.toolCalls[index] ?? { id, name, arguments: "" };
      answer.toolCalls[index] = { ...call, arguments: call.arguments + event.arguments };
    }
  }
  const done = answer.events.at(-1);
  if (done?.type !== "done") throw new Error("the stream ended without done");
  return { ...answer, done };
};
