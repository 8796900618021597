import { AppError } from "../core/errors.ts";
import { abortable } from "./abortable.ts";
import { describeEntry, type Entry, endEntry, holdEntry, isLargeEnough, releaseEntry, startEntry } from "./entry.ts";
import { evict } from "./evict.ts";
import type { AcquireOptions, Engine, EngineModel, EngineOptions, Lease } from "./types.ts";

interface State {
  readonly options: EngineOptions;
  readonly entries: Map<string, Entry>;
  /** Resolves when an entry becomes ready, idle or gone: whoever waits for room looks again. */
  change: PromiseWithResolvers<void>;
  closed: boolean;
}

/** Keeps models loaded in runners, one each: loads on demand, shares, evicts idle ones, lets them go after their keep-alive. */
export const createEngine = (options: EngineOptions): Engine => {
  const state: State = { options, entries: new Map(), change: Promise.withResolvers(), closed: false };
  return {
    acquire: (model, acquireOptions) => acquire(state, model, acquireOptions),
    running: () => [...state.entries.values()].flatMap((entry) => describeEntry(entry, options.clock.now()) ?? []),
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
      async *generate(request, generateSignal) {
        const giveBack = await entry.slots.take(generateSignal);
        try {
          yield* runner.generate(request, generateSignal);
        } finally {
          giveBack();
        }
      },
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
    if (state.closed) throw new AppError("busy", "the server is shutting down");
    const changed = state.change.promise;
    const entry = findOrStart(state, model, options.contextTokens);
    if (entry) {
      holdEntry(entry, options.keepAliveMs);
      return entry;
    }
    await abortable(changed, options.signal);
  }
};

/** The entry to use; undefined when something has to end first, whose end is then announced. */
const findOrStart = (state: State, model: EngineModel, contextTokens: number): Entry | undefined => {
  const { entries, options } = state;
  const existing = entries.get(model.id);
  if (existing) {
    if (!existing.retired && isLargeEnough(existing, contextTokens)) return existing;
    existing.retired = true;
    if (existing.users === 0) void endEntry(existing);
    return undefined;
  }
  const victims = evict([...entries.values()], options.maxLoadedModels);
  if (victims?.length === 0) {
    const entry = startEntry(options, model, contextTokens, {
      onReady: () => announceChange(state),
      onGone: (gone) => forget(state, gone),
    });
    entries.set(model.id, entry);
    return entry;
  }
  for (const victim of victims ?? []) {
    if (!victim.retired) options.log.info(`unloading ${victim.model.name} to make room for ${model.name}`);
    void endEntry(victim);
  }
  return undefined;
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
