export interface FairQueueLimits {
  readonly limit: number;
  /** Of one API key, so that none fills the queue alone. */
  readonly limitPerKey: number;
}

/** Why nothing was queued: this key waits often enough already, or everyone together does. */
export type Refusal = "key-full" | "full";

/**
 * Items that wait, first in first out for each API key, keys in turn: a key with a hundred items delays another's first by one place.
 * An item is queued once at a time; it is its own handle.
 */
export interface FairQueue<T> {
  readonly size: number;
  /** Undefined = queued. `deadlineMs`: see `expire`. */
  push(key: string, item: T, deadlineMs?: number): Refusal | undefined;
  /** The next item, of those that `accepts` lets through; one that it refuses keeps its place. */
  shift(accepts?: (item: T) => boolean): T | undefined;
  /** For a client that went away; false = it does not wait here. */
  remove(item: T): boolean;
  /** Takes out and returns what waits past its deadline. */
  expire(nowMs: number): T[];
  /** Everything, in the order in which `shift` would give it; the queue is empty then. */
  drain(): T[];
}

interface Entry {
  readonly key: string;
  readonly deadlineMs: number;
}

export const createFairQueue = <T>({ limit, limitPerKey }: FairQueueLimits): FairQueue<T> => {
  const entries = new Map<T, Entry>();
  /** Insertion order is the order of turns: a key that was served goes to the end. */
  const lanes = new Map<string, Set<T>>();
  const remove = (item: T): boolean => {
    const entry = entries.get(item);
    if (!entry) return false;
    entries.delete(item);
    const lane = lanes.get(entry.key);
    lane?.delete(item);
    if (lane?.size === 0) lanes.delete(entry.key);
    return true;
  };
  const toTheEnd = (key: string, lane: Set<T>) => {
    lanes.delete(key);
    if (lane.size > 0) lanes.set(key, lane);
  };
  const shift = (accepts: (item: T) => boolean = () => true): T | undefined => {
    for (const [key, lane] of lanes) {
      for (const item of lane) {
        if (!accepts(item)) continue;
        lane.delete(item);
        entries.delete(item);
        toTheEnd(key, lane);
        return item;
      }
    }
    return undefined;
  };
  return {
    get size() {
      return entries.size;
    },
    push(key, item, deadlineMs = Number.POSITIVE_INFINITY) {
      if (entries.has(item)) throw new Error("this item waits already");
      if (entries.size >= limit) return "full";
      const lane = lanes.get(key) ?? new Set<T>();
      if (lane.size >= limitPerKey) return "key-full";
      lanes.set(key, lane.add(item));
      entries.set(item, { key, deadlineMs });
      return undefined;
    },
    shift,
    remove,
    expire(nowMs) {
      const late = [...entries].filter(([, { deadlineMs }]) => deadlineMs <= nowMs).map(([item]) => item);
      for (const item of late) remove(item);
      return late;
    },
    drain() {
      const items: T[] = [];
      for (let item = shift(); item !== undefined; item = shift()) items.push(item);
      return items;
    },
  };
};
