import type { Subprocess } from "bun";
import { type Clock, sleep, systemClock } from "../core/clock.ts";
import type { Embeddings } from "../core/embedding.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";
import type { Log } from "../core/log.ts";
import type { Ranking, RerankRequest } from "../core/reranking.ts";
import { childEnvironment } from "../native/child-environment.ts";
import { type StderrTail, stderrTail } from "../native/stderr-tail.ts";
import { acknowledger, type EventBuffer, eventBuffer } from "./event-buffer.ts";
import type { LoadHooks, RunnerExit, RunnerHandle } from "./handle.ts";
import { createHeldPrefixes, type HeldPrefixesBook } from "./held-prefixes.ts";
import {
  type BackendDevices,
  isRunnerMessage,
  type LoadedModel,
  type LoadOptions,
  type MemoryEstimate,
  type NodeMessage,
  type RunnerMessage,
  type RunnerStats,
} from "./protocol.ts";
import { type Watchdog, watchdog } from "./watchdog.ts";

export interface SpawnOptions {
  /** The command line of a runner; see `hiddenCommand`. */
  command: string[];
  /** Environment of the node; the runner gets a small part of it. */
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
  /** Moves the patience of `exit` and of the timeouts; default: the system's. */
  clock?: Clock;
  /** A load without progress for this long is given up; default 5 minutes. */
  loadTimeoutMs?: number;
  /** A runner that has answers to make and takes no step for this long is ended; default 2 minutes. */
  stallTimeoutMs?: number;
}

const exitPatienceMs = 3000; // a decode step on a slow machine may take that long; nothing is lost by killing after it

const lastWordsMs = 500; // for its last lines on stderr, which arrive on another pipe than its end

type Call = { resolve(value: unknown): void; reject(error: Error): void };

interface State {
  child: Subprocess<"ignore", "ignore", "pipe">;
  log: Log;
  stderr: StderrTail;
  nextId: number;
  loading?: Call & LoadHooks;
  calls: Map<number, Call>;
  streams: Map<number, EventBuffer>;
  prefixes: HeldPrefixesBook;
  loadWatch: Watchdog;
  stepWatch: Watchdog;
  latest?: RunnerStats;
  /** Why we killed it. */
  verdict?: string;
  /** Set when the process is gone. */
  gone?: AppError;
}

/** Starts a runner process. It has no model until `load`. Throws `runner_crashed` where the process cannot be started. */
export const spawnRunner = (options: SpawnOptions): RunnerHandle => {
  const { command, env, log, clock = systemClock, loadTimeoutMs = 300_000, stallTimeoutMs = 120_000 } = options;
  let state: State | undefined;
  const child = start(command, env, (message) => state && receive(state, message));
  const stderr = stderrTail(child.stderr, (line) => log.debug(`runner ${child.pid}: ${line}`));
  const watch = (timeoutMs: number, complaint: string) =>
    watchdog(clock, timeoutMs, () => {
      running.verdict = `was ended: ${complaint} for ${seconds(timeoutMs)}`;
      log.warn(`runner ${child.pid}: ${running.verdict}`);
      child.kill("SIGKILL");
    });
  const running: State = {
    child,
    log,
    stderr,
    nextId: 1,
    calls: new Map(),
    streams: new Map(),
    prefixes: createHeldPrefixes(),
    loadWatch: watch(loadTimeoutMs, "its load made no progress"),
    stepWatch: watch(stallTimeoutMs, "it took no decode step"),
  };
  state = running;
  const exited = child.exited
    .then(() => Promise.race([stderr.ended, sleep(clock, lastWordsMs)]))
    .then(() => end(running));
  return {
    pid: child.pid,
    exited,
    load: (options, hooks) => load(running, options, hooks),
    generate: (request, signal) => generate(running, request, signal),
    embed: (request, signal) => call<Embeddings>(running, (id) => ({ type: "embed", id, request }), signal),
    rerank: (request, signal) => rerank(running, request, signal),
    countTokens: async (request, signal) =>
      (await call<Embeddings>(running, (id) => ({ type: "count", id, request }), signal)).promptTokens,
    latestStats: () => running.latest,
    heldPrefixes: running.prefixes.current,
    estimate: (options, signal) =>
      asLoad(
        running,
        call<MemoryEstimate>(running, (id) => ({ type: "estimate", id, options }), signal),
      ),
    devices: (gpu, signal) =>
      asLoad(
        running,
        call<BackendDevices>(running, (id) => ({ type: "devices", id, ...(gpu && { gpu }) }), signal),
      ),
    stats: () => call<RunnerStats>(running, (id) => ({ type: "stats", id })),
    exit: async () => {
      tell(running, { type: "exit" });
      const giveUp = clock.after(exitPatienceMs, () => child.kill("SIGKILL"));
      await exited;
      giveUp();
    },
  };
};

const start = (command: string[], env: SpawnOptions["env"], onMessage: (message: unknown) => void) => {
  try {
    return Bun.spawn(command, {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      env: childEnvironment(env),
      serialization: "advanced", // vectors of embeddings travel as they are
      ipc: onMessage,
    });
  } catch (error) {
    throw new AppError("runner_crashed", `cannot start a runner process: ${toAppError(error).message}`);
  }
};

const tell = ({ child, gone }: State, message: NodeMessage): void => {
  if (gone) return;
  try {
    child.send(message);
  } catch {
    // The channel closes a moment before `exited` resolves; that moment's calls end there.
  }
};

const receivers: {
  [T in RunnerMessage["type"]]: (state: State, message: Extract<RunnerMessage, { type: T }>) => void;
} = {
  progress: ({ loading, loadWatch }, { fraction }) => {
    loadWatch.progress();
    loading?.onProgress?.(fraction);
  },
  loaded: ({ loading }, { model }) => loading?.resolve(model),
  loadFailed: ({ loading }, { code, message }) => loading?.reject(new AppError(code, message)),
  events: ({ streams }, { id, events, tokens }) => streams.get(id)?.push(events, tokens),
  embedded: ({ calls }, { id, vectors, promptTokens }) => calls.get(id)?.resolve({ vectors, promptTokens }),
  stats: ({ calls }, { id, stats }) => calls.get(id)?.resolve(stats),
  estimate: ({ calls }, { id, estimate }) => calls.get(id)?.resolve(estimate),
  devices: ({ calls }, { id, devices }) => calls.get(id)?.resolve(devices),
  pulse: (state, { stats }) => {
    if (stats.heartbeats !== state.latest?.heartbeats) state.stepWatch.progress();
    state.latest = stats;
    state.prefixes.told(stats.held, state.streams);
  },
  batch: (state, { messages }) => {
    for (const message of messages) dispatch(state, message);
  },
  error: ({ calls, streams }, { id, code, message }) => {
    const error = new AppError(code, message);
    streams.get(id)?.fail(error);
    calls.get(id)?.reject(error);
  },
};

const receive = (state: State, message: unknown): void => {
  if (isRunnerMessage(message)) dispatch(state, message);
  else state.log.warn(`runner ${state.child.pid}: dropped a message of unknown shape`);
};

const dispatch = <T extends RunnerMessage["type"]>(
  state: State,
  message: Extract<RunnerMessage, { type: T }>,
): void => {
  const type: T = message.type;
  receivers[type](state, message);
};

/** The process is gone: everything that waits for it learns why. */
const end = (state: State): RunnerExit => {
  const { exitCode, signalCode } = state.child;
  const last = state.stderr.lastError();
  const how = state.verdict ?? (signalCode ? `was ended by ${signalCode}` : `ended with exit code ${exitCode}`);
  const gone = new AppError("runner_crashed", `the model's runner process ${how}${last ? `: ${last}` : ""}`);
  state.gone = gone;
  state.loading?.reject(gone);
  for (const waiting of state.calls.values()) waiting.reject(gone);
  for (const stream of state.streams.values()) stream.fail(gone);
  return { code: exitCode, signal: signalCode === null ? null : String(signalCode) };
};

/** What loads llama.cpp and reads a file may hang as a load may: it has a load's time. */
const asLoad = async <T>({ loadWatch }: State, work: Promise<T>): Promise<T> => {
  loadWatch.begin();
  return await work.finally(loadWatch.end);
};

const load = async (state: State, options: LoadOptions, hooks: LoadHooks = {}): Promise<LoadedModel> => {
  if (state.gone) throw state.gone;
  if (state.loading) throw new AppError("internal", "a runner loads one model only");
  const stop = onAbort(hooks.signal, () => {
    state.loading?.reject(cancelled(hooks.signal));
    state.child.kill("SIGKILL");
  });
  try {
    hooks.signal?.throwIfAborted();
    state.loadWatch.begin();
    return await new Promise<LoadedModel>((resolve, reject) => {
      state.loading = { ...hooks, resolve: (model) => resolve(model as LoadedModel), reject };
      tell(state, { type: "load", options });
    });
  } catch (error) {
    throw hooks.signal?.aborted ? cancelled(hooks.signal) : error;
  } finally {
    state.loadWatch.end();
    stop();
  }
};

async function* generate(
  state: State,
  request: GenerationRequest,
  signal?: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  if (state.gone) throw state.gone;
  if (signal?.aborted) throw cancelled(signal);
  const id = state.nextId++;
  const buffer = eventBuffer(acknowledger((tokens) => tell(state, { type: "ack", id, tokens })));
  state.streams.set(id, buffer);
  let running = true;
  const stop = onAbort(signal, () => buffer.fail(cancelled(signal)));
  try {
    const { prefix, ...asked } = request;
    if (prefix) state.prefixes.sent(id, prefix);
    tell(state, { type: "generate", id, request: asked });
    state.stepWatch.begin();
    while (running) {
      const event = await buffer.next();
      if (signal?.aborted) throw cancelled(signal);
      if (event.type === "started") state.prefixes.begun(id, event.promptTokens);
      if (event.type === "done") running = false;
      yield event;
    }
  } finally {
    stop();
    state.streams.delete(id);
    if (state.streams.size === 0) state.stepWatch.end();
    if (running) tell(state, { type: "cancel", id });
  }
}

const rerank = async (state: State, request: RerankRequest, signal?: AbortSignal): Promise<Ranking> => {
  const { vectors, promptTokens } = await call<Embeddings>(state, (id) => ({ type: "rerank", id, request }), signal);
  return { scores: vectors.map(([score = Number.NaN]) => score), promptTokens };
};

const call = async <T>(state: State, message: (id: number) => NodeMessage, signal?: AbortSignal): Promise<T> => {
  if (state.gone) throw state.gone;
  if (signal?.aborted) throw cancelled(signal);
  const id = state.nextId++;
  const stop = onAbort(signal, () => {
    tell(state, { type: "cancel", id });
    state.calls.get(id)?.reject(cancelled(signal));
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      state.calls.set(id, { resolve: (value) => resolve(value as T), reject });
      tell(state, message(id));
    });
  } finally {
    stop();
    state.calls.delete(id);
  }
};

const seconds = (ms: number): string => `${ms / 1000} seconds`;

const cancelled = (signal?: AbortSignal): AppError =>
  signal?.reason instanceof AppError
    ? signal.reason
    : new AppError("cancelled", "cancelled", { cause: signal?.reason });

/** Runs `action` when `signal` is aborted; returns what takes it back. */
const onAbort = (signal: AbortSignal | undefined, action: () => void): (() => void) => {
  signal?.addEventListener("abort", action, { once: true });
  return () => signal?.removeEventListener("abort", action);
};
