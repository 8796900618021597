import type { HeldPrompts, ModelReading, NodeLoad, NodeState } from "../types.ts";
import type { PrefixIndex } from "./prefix-index.ts";

/** Keeps the index of prompts to what nodes tell of their models: a cache is gone with its model's process. */
export interface CacheFollower {
  /** `load`: what is asked for there now is about to be loaded, if it is not. */
  told(node: NodeState, load: NodeLoad, nowMs: number): void;
  gone(nodeId: string): void;
}

interface Seen {
  readonly process: number | undefined;
  readonly held: HeldPrompts | undefined;
  readonly takenMs: number;
}

// What a node holds it holds as long as it does not say otherwise, but the index forgets what is not used: see `prefixIndexLimits`.
const againMs = 5 * 60_000;

// A report is as old as its runner's last word, a second, and its way: what is newer than this is not in it.
const settleMs = 3_000;

const nothing: HeldPrompts = { generation: 0, marks: [], whole: true };

export const followCaches = (prefixes: Pick<PrefixIndex, "replace" | "forget" | "modelsOf">): CacheFollower => {
  const seen = new Map<string, ReadonlyMap<string, Seen>>();
  const take = ({ id, lastSeenMs }: NodeState, model: ModelReading, nowMs: number): Seen => {
    const { name, process, held } = model;
    const before = seen.get(id)?.get(name);
    const isAnother = before?.process !== undefined && process !== before.process;
    const toldMs = lastSeenMs ?? nowMs;
    if (isAnother) prefixes.replace(id, name, nothing, { nowMs, untilMs: toldMs });
    if (before && !isAnother && !isNews(held, before.held) && nowMs - before.takenMs < againMs) return before;
    if (held) prefixes.replace(id, name, held, { nowMs, untilMs: toldMs - settleMs });
    return { process, held, takenMs: nowMs };
  };
  return {
    told(node, { byModel }, nowMs) {
      const { id, reading, modelsByName } = node;
      for (const model of prefixes.modelsOf(id))
        if (!modelsByName.get(model.toLowerCase())?.loaded && !byModel?.has(model)) prefixes.forget(id, model);
      const loaded = reading.models.filter((model) => model.loaded);
      seen.set(id, new Map(loaded.map((model) => [model.name, take(node, model, nowMs)])));
    },
    gone(nodeId) {
      seen.delete(nodeId);
      prefixes.forget(nodeId);
    },
  };
};

/** A probe and a stream of reports overtake each other. */
const isNews = (held: HeldPrompts | undefined, before: HeldPrompts | undefined): boolean =>
  held !== undefined && (before === undefined || held.generation > before.generation);
