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
  /** Undefined = queued. */
  push(key: string, item: T): Refusal | undefined;
  /** The next item, of those that `accepts` lets through; one that it refuses keeps its place. */
  shift(accepts?: (item: T) => boolean): T | undefined;
  /**
   * The cheapest of the next 32, infinite = it stays; undefined = none fits. For a place that came free: a request that waits for just this
   * node's cache costs less there than the one whose turn it is. That one is passed over 64 times at most, 16 times by those of other keys.
   * `accepts`: what it refuses is not among the next.
   */
  shiftCheapest(cost: (item: T) => number, accepts?: (item: T) => boolean): T | undefined;
  /** For a client that went away; false = it does not wait here. */
  remove(item: T): boolean;
  /** Everything, in the order in which `shift` would give it; the queue is empty then. */
  drain(): T[];
}

interface Entry {
  readonly key: string;
  /** By its own key's one, by another key's more. */
  passedOver: number;
}

const looksMax = 32; // one look is one choice of a node
const passedOverMax = 64; // of 16, 64 and 1,000 the middle one: more keeps more of the caches, less is fairer
const byAnotherKey = 4; // one key's cheap requests are no reason to let another wait for long

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
  /** Takes it out as its key's turn: the key goes to the end. */
  const serve = (item: T): T => {
    const key = entries.get(item)?.key ?? "";
    const lane = lanes.get(key) ?? new Set();
    remove(item);
    if (lanes.delete(key)) lanes.set(key, lane);
    return item;
  };
  const shift = (accepts: (item: T) => boolean = () => true): T | undefined => {
    for (const lane of lanes.values()) for (const item of lane) if (accepts(item)) return serve(item);
    return undefined;
  };
  const shiftCheapest: FairQueue<T>["shiftCheapest"] = (cost, accepts = () => true) => {
    const looked = nextOf(lanes, looksMax, accepts).map((item) => ({
      item,
      cost: cost(item),
      entry: entries.get(item),
    }));
    const fitting = looked.filter((one) => one.cost < Number.POSITIVE_INFINITY);
    const [first] = fitting;
    if (!first?.entry) return undefined;
    const cheapest = fitting.reduce((best, one) => (one.cost < best.cost ? one : best));
    if (cheapest === first || first.entry.passedOver >= passedOverMax) return serve(first.item);
    first.entry.passedOver += cheapest.entry?.key === first.entry.key ? 1 : byAnotherKey;
    return serve(cheapest.item);
  };
  return {
    get size() {
      return entries.size;
    },
    push(key, item) {
      if (entries.has(item)) throw new Error("this item waits already");
      if (entries.size >= limit) return "full";
      const lane = lanes.get(key) ?? new Set<T>();
      if (lane.size >= limitPerKey) return "key-full";
      lanes.set(key, lane.add(item));
      entries.set(item, { key, passedOver: 0 });
      return undefined;
    },
    shift,
    shiftCheapest,
    remove,
    drain() {
      const items: T[] = [];
      for (let item = shift(); item !== undefined; item = shift()) items.push(item);
      return items;
    },
  };
};

/** The first items that are accepted, those of each key before another's second where there are many keys. */
const nextOf = <T>(lanes: ReadonlyMap<string, ReadonlySet<T>>, count: number, accepts: (item: T) => boolean): T[] => {
  const perLane = Math.max(1, Math.floor(count / lanes.size));
  const next: T[] = [];
  for (const lane of lanes.values()) {
    if (next.length >= count) break;
    next.push(...lane.values().filter(accepts).take(perLane));
  }
  return next.slice(0, count);
};
