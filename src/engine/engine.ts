import { AppError } from "../core/errors.ts";
import { abortable } from "./abortable.ts";
import {
  describeEntry,
  describeLoad,
  type Entry,
  endEntry,
  holdEntry,
  isLargeEnough,
  releaseEntry,
  startEntry,
} from "./entry.ts";
import type { MemoryNeed } from "./memory-need.ts";
import { type GpuMemory, memoryFor, planLoad, type Resident } from "./plan-load.ts";
import type { AcquireOptions, Engine, EngineModel, EngineOptions, Lease } from "./types.ts";

interface State {
  readonly options: EngineOptions;
  readonly entries: Map<string, Entry>;
  /** Looks into files that are under way, by model id. */
  readonly needs: Map<string, Promise<MemoryNeed | undefined>>;
  /** Resolves when an entry becomes ready, idle or gone: whoever waits for room looks again. */
  change: PromiseWithResolvers<void>;
  closed: boolean;
}

/** Keeps models loaded in runners, one each: loads on demand, shares, evicts idle ones, lets them go after their keep-alive. */
export const createEngine = (options: EngineOptions): Engine => {
  const state: State = {
    options,
    entries: new Map(),
    needs: new Map(),
    change: Promise.withResolvers(),
    closed: false,
  };
  return {
    acquire: (model, acquireOptions) => acquire(state, model, acquireOptions),
    running: () => [...state.entries.values()].flatMap((entry) => describeEntry(entry, options.clock.now()) ?? []),
    loading: () => [...state.entries.values()].flatMap((entry) => describeLoad(entry) ?? []),
    async unload(id) {
      const entry = state.entries.get(id);
      if (!entry) return false;
      entry.retired = true;
      if (entry.users === 0) await endEntry(entry);
      return true;
    },
    async close() {
      state.closed = true;
      announceChange(state);
      await Promise.all([...state.entries.values()].map(endEntry));
    },
  };
};

const acquire = async (state: State, model: EngineModel, options: AcquireOptions): Promise<Lease> => {
  const { signal } = options;
  const { clock } = state.options;
  const startMs = clock.now();
  const entry = await holdWhenPossible(state, model, options);
  try {
    const { runner, model: loaded } = await abortable(entry.loaded, signal);
    return createLease(state, entry, {
      model: loaded,
      loadMs: clock.now() - startMs,
      generate: (request, generateSignal) => runner.generate(request, generateSignal),
      embed: (request, embedSignal) => runner.embed(request, embedSignal),
      rerank: (request, rankSignal) => runner.rerank(request, rankSignal),
      countTokens: (request, countSignal) => runner.countTokens(request, countSignal),
    });
  } catch (error) {
    release(state, entry);
    throw error;
  }
};

/** Waits until the model's entry can be held, starting it when there is room. */
const holdWhenPossible = async (state: State, model: EngineModel, options: AcquireOptions): Promise<Entry> => {
  for (;;) {
    options.signal?.throwIfAborted();
    if (state.closed) throw closing();
    const changed = state.change.promise;
    const entry = state.entries.has(model.id)
      ? findUsable(state, model, options)
      : await startWhenMeasured(state, model, options);
    if (entry) {
      holdEntry(state.options, entry, options.keepAliveMs);
      return entry;
    }
    await abortable(changed, options.signal);
  }
};

// A context that nobody asked for by number may become this small, so that a model fits on its GPUs.
const contextTokensMin = 4096;

/** The loaded entry; undefined when it has to end first, whose end is then announced. */
const findUsable = (state: State, model: EngineModel, { contextTokens }: AcquireOptions): Entry | undefined => {
  const existing = state.entries.get(model.id);
  if (!existing) return undefined;
  if (!existing.retired && isLargeEnough(existing, contextTokens ?? 0)) return existing;
  existing.retired = true;
  if (existing.users === 0) void endEntry(existing);
  return undefined;
};

/** Many who ask at once share one look into the file, and go on in the order in which they came. */
const startWhenMeasured = async (
  state: State,
  model: EngineModel,
  options: AcquireOptions,
): Promise<Entry | undefined> => {
  // A file that cannot be read: its load will say why.
  const known = state.needs.get(model.id) ?? state.options.memoryNeed(model).catch(() => undefined);
  state.needs.set(model.id, known);
  const need = await known;
  state.needs.delete(model.id); // the next load looks again: the file may be another by then
  if (state.closed) throw closing();
  if (state.entries.has(model.id)) return findUsable(state, model, options);
  return startIfRoom(state, model, need, options);
};

const closing = () => new AppError("busy", "the server is shutting down");

const startIfRoom = (
  state: State,
  model: EngineModel,
  found: MemoryNeed | undefined,
  asked: Pick<AcquireOptions, "contextTokens" | "defaultContextTokens">,
): Entry | undefined => {
  const contextTokens = asked.contextTokens ?? asked.defaultContextTokens;
  const { entries, options } = state;
  const need = found ?? { weightsBytes: 0, kvBytesPerToken: 0, computeBytes: 0 };
  const gpu = options.gpuMemory();
  const residents = [...entries.values()].map((entry) => ({
    entry,
    users: entry.users,
    lastUsedMs: entry.lastUsedMs,
    isLoading: entry.ready === undefined,
    ...held(entry, gpu),
  }));
  const { slots, maxLoadedModels } = options;
  const plan = planLoad({ need, contextTokens, slots, residents, maxLoadedModels, host: options.hostMemory(), gpu });
  if (plan.kind === "refuse") throw new AppError("load_failed", `cannot load ${model.name}: ${plan.reason}`);
  if (plan.kind === "wait") return undefined;
  if (plan.kind === "load") {
    const memoryBytes = memoryFor(need, contextTokens, plan.slots);
    const entryPlan = {
      contextTokens,
      contextTokensMin: asked.contextTokens ?? contextTokensMin,
      slots: plan.slots,
      memoryBytes,
      headerChecked: found !== undefined,
    };
    const entry = startEntry(options, model, entryPlan, {
      onReady: () => announceChange(state),
      onGone: (gone) => forget(state, gone),
    });
    entries.set(model.id, entry);
    return entry;
  }
  for (const { entry: victim } of plan.victims) {
    if (!victim.retired) options.log.info(`unloading ${victim.model.name} to make room for ${model.name}`);
    void endEntry(victim);
  }
  return undefined;
};

/** What is being loaded goes onto the GPUs as far as they reach. */
const held = (entry: Entry, gpu: GpuMemory | undefined): Pick<Resident, "hostBytes" | "vramBytes"> => {
  const bytes = entry.ready?.model.memoryBytes ?? entry.memoryBytes;
  const vramBytes = entry.ready?.model.vramBytes ?? Math.min(bytes, gpu?.totalBytes ?? 0);
  return { hostBytes: bytes - vramBytes, vramBytes };
};

const forget = (state: State, entry: Entry): void => {
  if (state.entries.get(entry.model.id) === entry) state.entries.delete(entry.model.id);
  announceChange(state);
};

const release = (state: State, entry: Entry): void => {
  releaseEntry(state.options, entry);
  announceChange(state);
};

const announceChange = (state: State): void => {
  state.change.resolve();
  state.change = Promise.withResolvers();
};

const createLease = (state: State, entry: Entry, lease: Omit<Lease, typeof Symbol.asyncDispose>): Lease => {
  let released = false;
  return {
    ...lease,
    async [Symbol.asyncDispose]() {
      if (!released) release(state, entry);
      released = true;
    },
  };
};
