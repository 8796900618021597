import { AppError, toAppError } from "../core/errors.ts";
import { createWaitEstimate, type WaitEstimate } from "../core/wait-estimate.ts";
import type { LoadedModel, LoadOptions } from "../runner/protocol.ts";
import { gpuMarginBytes, refuseEstimate } from "./plan-load.ts";
import type { EngineModel, EngineOptions, EngineRunner, LoadingModel, RunningModel } from "./types.ts";

interface Ready {
  runner: EngineRunner;
  model: LoadedModel;
}

/** One model in one runner, from the start of its load to the end of its process. */
export interface Entry {
  readonly model: EngineModel;
  readonly contextTokens: number;
  /** It may be loaded with as little as this to fit on the GPUs. */
  readonly contextTokensMin: number;
  readonly slots: number;
  /** What it takes, as estimated before the load. */
  readonly memoryBytes: number;
  /** Its file's header has been read; see `LoadOptions`. */
  readonly headerChecked: boolean;
  readonly loaded: Promise<Ready>;
  /** Share of the model's tensors read, 0 to 1. */
  loadedFraction: number;
  /** Set once `loaded` has resolved. */
  ready?: Ready;
  /** Resolves when the process is gone or the load has failed. */
  readonly gone: Promise<void>;
  readonly abortLoad: AbortController;
  /** Requests that use it or wait for it; the native loop of its runner is their queue. */
  users: number;
  lastUsedMs: number;
  /** Of those that wait for a slot. */
  readonly wait: WaitEstimate;
  keepAliveMs: number;
  expiresAtMs?: number;
  cancelExpiry?: () => void;
  /** Takes no new lease and ends with its last user. */
  retired: boolean;
}

// setTimeout's limit is 2^31-1 ms; a longer one would fire at once.
const timerMaxMs = 2 ** 31 - 1;

export interface EntryHooks {
  onReady(entry: Entry): void;
  onGone(entry: Entry): void;
}

export type EntryPlan = Pick<Entry, "contextTokens" | "contextTokensMin" | "slots" | "memoryBytes" | "headerChecked">;

/** Starts a runner and loads the model in it. */
export const startEntry = (options: EngineOptions, model: EngineModel, plan: EntryPlan, hooks: EntryHooks): Entry => {
  const abortLoad = new AbortController();
  const gone = Promise.withResolvers<void>();
  const onProgress = (fraction: number) => {
    entry.loadedFraction = fraction;
  };
  const loaded = load(options, model, plan, { signal: abortLoad.signal, onProgress });
  const entry: Entry = {
    model,
    ...plan,
    loaded,
    gone: gone.promise,
    abortLoad,
    loadedFraction: 0,
    users: 0,
    lastUsedMs: options.clock.now(),
    wait: createWaitEstimate(options.clock),
    keepAliveMs: 0,
    retired: false,
  };
  const end = () => {
    entry.cancelExpiry?.();
    entry.retired = true;
    gone.resolve();
    hooks.onGone(entry);
  };
  loaded.then((ready) => {
    entry.ready = ready;
    void ready.runner.exited.then(() => {
      if (!entry.retired)
        options.log.warn(`the runner of ${model.name} ended by itself; the next request starts another`);
      end();
    });
    // The end may have been asked for in the moment between the load and this line.
    if (abortLoad.signal.aborted) void ready.runner.exit();
    hooks.onReady(entry);
  }, end);
  return entry;
};

/** Ends the entry's process now and waits until it is gone. */
export const endEntry = async (entry: Entry): Promise<void> => {
  entry.retired = true;
  entry.cancelExpiry?.();
  entry.abortLoad.abort(new AppError("cancelled", "the model is being unloaded"));
  await entry.ready?.runner.exit();
  await entry.gone;
};

/** Counts one more user; an entry in use does not expire. Throws `busy` when as many as may wait are waiting already. */
export const holdEntry = ({ maxQueue }: EngineOptions, entry: Entry, keepAliveMs: number): void => {
  const waiting = entry.users - entry.slots;
  if (waiting >= maxQueue) {
    throw new AppError(
      "busy",
      `server busy: ${waiting} requests are waiting for ${entry.model.name} already; try again later`,
      { retryAfterSeconds: entry.wait.seconds(waiting) },
    );
  }
  if (waiting === 0) entry.wait.begins();
  entry.users++;
  entry.keepAliveMs = keepAliveMs;
  entry.cancelExpiry?.();
  delete entry.expiresAtMs;
};

/** Counts one user less; with the last one the keep-alive begins, or the entry ends. */
export const releaseEntry = ({ clock }: EngineOptions, entry: Entry): void => {
  if (entry.users > entry.slots) entry.wait.served();
  entry.users--;
  entry.lastUsedMs = clock.now();
  if (entry.users > 0) return;
  if (entry.retired || entry.keepAliveMs <= 0) return void endEntry(entry);
  entry.expiresAtMs = entry.lastUsedMs + entry.keepAliveMs;
  if (entry.keepAliveMs === Number.POSITIVE_INFINITY) return;
  entry.cancelExpiry = clock.after(Math.min(entry.keepAliveMs, timerMaxMs), () => void endEntry(entry));
};

/** A smaller context than the loaded one needs no reload, nor does one that the model was not trained for. */
export const isLargeEnough = (entry: Entry, contextTokens: number): boolean =>
  contextTokens <= Math.min(entry.contextTokens, entry.ready?.model.contextTokens ?? entry.contextTokens) ||
  (entry.ready !== undefined && entry.ready.model.contextTokens >= entry.ready.model.trainContextTokens);

/** The entry as `ps` shows it; nothing while it is still being loaded. One in use stays for its keep-alive from now on. */
export const describeEntry = (entry: Entry, nowMs: number): RunningModel | undefined => {
  if (!entry.ready) return undefined;
  const { runner, model } = entry.ready;
  const { id, name } = entry.model;
  const expiresAtMs = entry.retired ? 0 : (entry.expiresAtMs ?? nowMs + entry.keepAliveMs);
  const told = { stats: runner.latestStats(), held: runner.heldPrefixes() };
  return { id, name, model, users: entry.users, expiresAtMs, pid: runner.pid, ...told };
};

/** The entry while it is being loaded. */
export const describeLoad = ({ ready, model, loadedFraction }: Entry): LoadingModel | undefined =>
  ready ? undefined : { id: model.id, name: model.name, fraction: loadedFraction };

const load = async (
  options: EngineOptions,
  model: EngineModel,
  plan: EntryPlan,
  hooks: { signal: AbortSignal; onProgress(fraction: number): void },
): Promise<Ready> => {
  const { log, clock } = options;
  const startMs = clock.now();
  const runner = await options.startRunner();
  try {
    const { contextTokens, slots, headerChecked } = plan;
    const { modelPath, templatePath, projectorPath, adapterPaths = [], name: label } = model;
    const asked: LoadOptions = {
      ...options.load,
      ...{ modelPath, label, contextTokens, slots, headerChecked },
      ...(templatePath && { templatePath }),
      ...(projectorPath && { projectorPath }),
      ...(adapterPaths.length > 0 && { adapterPaths }),
    };
    const loadOptions = options.gpuMemory() ? await fitted(options, runner, model, asked, plan, hooks.signal) : asked;
    const loaded = await runner.load(loadOptions, hooks);
    const what = `runner ${runner.pid}, ${loaded.backend}, ${loaded.slots} x ${loaded.contextTokens} tokens`;
    log.info(`loaded ${model.name} in ${clock.now() - startMs} ms (${what})`);
    return { runner, model: loaded };
  } catch (error) {
    await runner.exit();
    // llama.cpp has its own words for a broken file, or aborts: a look at the file tells people more.
    if (["load_failed", "runner_crashed"].includes(toAppError(error).code)) await options.checkFile(model);
    throw error;
  }
};

/** Asks llama.cpp what goes onto the GPUs: a smaller context first, where that is allowed, then fewer layers. */
const fitted = async (
  { log, hostMemory }: EngineOptions,
  runner: EngineRunner,
  { name }: EngineModel,
  asked: LoadOptions,
  { contextTokensMin }: EntryPlan,
  signal: AbortSignal,
): Promise<LoadOptions> => {
  const least = Math.min(asked.contextTokens, contextTokensMin);
  const estimate = await runner.estimate({ ...asked, contextTokensMin: least, marginBytes: gpuMarginBytes }, signal);
  const refusal = refuseEstimate(estimate, hostMemory());
  if (refusal) throw new AppError("load_failed", `cannot load ${name}: ${refusal}`);
  const { gpuLayers, totalLayers, fittedContextTokens: contextTokens, expertsOnCpu } = estimate;
  if (gpuLayers < totalLayers || expertsOnCpu)
    log.info(`${name}: ${gpuLayers} of ${totalLayers} layers on the GPU${expertsOnCpu ? ", experts on the CPU" : ""}`);
  if (contextTokens < asked.contextTokens)
    log.info(`${name}: its context is ${contextTokens} tokens, to fit on the GPU`);
  return { ...asked, contextTokens };
};
