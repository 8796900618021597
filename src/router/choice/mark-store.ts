export interface PrefixIndexLimits {
  /** Marks of all nodes together; about 150 bytes each. */
  readonly marksMax: number;
  /** Of one model on one node. */
  readonly marksPerHolderMax: number;
  /** After this long unused, a node has probably let a prompt go. */
  readonly ttlMs: number;
}

export const prefixIndexLimits: PrefixIndexLimits = {
  marksMax: 200_000, // 30 MB
  marksPerHolderMax: 32_768, // some 400 chats of 6,000 tokens: more than any node keeps
  ttlMs: 15 * 60_000,
};

/** One model on one node. */
export interface Holder {
  readonly nodeId: string;
  readonly model: string;
  /** Mark -> when it was last used, least lately first; within one prompt the deepest first, so beginnings outlive their ends. */
  readonly marks: Map<bigint, number>;
  /** Marks of requests that are under way: on their way into the cache, and no surprise if they are not there yet. */
  readonly pending: Set<bigint>;
  usedMs: number;
  /** What it told last that it holds. */
  told: ReadonlySet<bigint>;
  /** Share of what was expected in its cache that it really had. A node without a prefix cache goes to 0. */
  trust: number;
}

/** The marks of all holders, bounded; what is used least lately goes first. */
export interface MarkStore {
  readonly total: number;
  readonly holders: ReadonlyMap<string, Holder>;
  /** The holders of one node. */
  ofNode(nodeId: string): Holder[];
  /** Who has a mark, of those with a model that is called so on them. */
  byMark(model: string): ReadonlyMap<bigint, readonly Holder[]>;
  /** The holder, made where there is none, as used now. */
  use(nodeId: string, model: string, nowMs: number): Holder;
  /** These marks are used now. */
  touch(holder: Holder, marks: readonly bigint[], nowMs: number): void;
  drop(holder: Holder, mark: bigint): void;
  /** Drops what was not used since. */
  dropUntil(holder: Holder, untilMs: number): void;
}

export const createMarkStore = (limits: PrefixIndexLimits): MarkStore => {
  const { holders, ofNode, enter, leave } = createHolders();
  const byMark = createHoldersByMark();
  let total = 0;

  const drop = (holder: Holder, mark: bigint) => {
    if (!holder.marks.delete(mark)) return;
    total--;
    byMark.remove(holder, mark);
    if (holder.marks.size === 0) leave(holder);
  };

  /** What was not used since has gone before anything that was. */
  const dropUntil = (holder: Holder, untilMs: number) => {
    for (const [mark, usedMs] of holder.marks) {
      if (usedMs > untilMs) return;
      drop(holder, mark);
    }
  };

  const touchOne = (holder: Holder, mark: bigint, nowMs: number) => {
    if (!holder.marks.delete(mark)) {
      total++;
      byMark.add(holder, mark);
    }
    holder.marks.set(mark, nowMs);
  };

  const use = (nodeId: string, model: string, nowMs: number): Holder => {
    const key = keyOf(nodeId, model);
    const holder = holders.get(key) ?? newHolder(nodeId, model);
    holders.delete(key);
    enter(holder);
    holder.usedMs = nowMs;
    return holder;
  };

  const keepBounds = (current: Holder, nowMs: number) => {
    dropUntil(current, nowMs - limits.ttlMs);
    while (current.marks.size > limits.marksPerHolderMax) drop(current, oldestOf(current));
    for (const holder of holders.values()) {
      const idle = holder.usedMs <= nowMs - limits.ttlMs;
      if (!idle && total <= limits.marksMax) return;
      if (idle) dropUntil(holder, nowMs);
      while (total > limits.marksMax && holder.marks.size > 0) drop(holder, oldestOf(holder));
    }
  };

  return {
    get total() {
      return total;
    },
    holders,
    ofNode,
    byMark: byMark.of,
    use,
    touch(holder, marks, nowMs) {
      // The deepest first: what is touched last is dropped last.
      for (let index = marks.length - 1; index >= 0; index--) touchOne(holder, marks[index] as bigint, nowMs);
      enter(holder); // it went if its last mark did
      holder.usedMs = nowMs;
      keepBounds(holder, nowMs);
    },
    drop,
    dropUntil,
  };
};

/** Who there is, and who of them on one node: that is asked for at each report of it. */
const createHolders = () => {
  /** Least lately used first. */
  const holders = new Map<string, Holder>();
  const byNode = new Map<string, Set<Holder>>();
  return {
    holders,
    ofNode: (nodeId: string): Holder[] => [...(byNode.get(nodeId) ?? [])],
    enter(holder: Holder) {
      const { nodeId } = holder;
      holders.set(keyOf(nodeId, holder.model), holder);
      byNode.set(nodeId, (byNode.get(nodeId) ?? new Set<Holder>()).add(holder));
    },
    leave({ nodeId, model }: Holder) {
      const holder = holders.get(keyOf(nodeId, model));
      holders.delete(keyOf(nodeId, model));
      const having = byNode.get(nodeId);
      if (holder && having?.delete(holder) && having.size === 0) byNode.delete(nodeId);
    },
  };
};

const nobody: ReadonlyMap<bigint, readonly Holder[]> = new Map();

/** Who has a mark, for each model: prompts of several models may be the same. */
const createHoldersByMark = () => {
  const byModel = new Map<string, Map<bigint, Holder[]>>();
  return {
    of: (model: string): ReadonlyMap<bigint, readonly Holder[]> => byModel.get(model) ?? nobody,
    add(holder: Holder, mark: bigint) {
      const byMark = byModel.get(holder.model) ?? new Map<bigint, Holder[]>();
      if (byMark.size === 0) byModel.set(holder.model, byMark);
      const having = byMark.get(mark);
      if (having) having.push(holder);
      else byMark.set(mark, [holder]);
    },
    remove(holder: Holder, mark: bigint) {
      const byMark = byModel.get(holder.model);
      const having = byMark?.get(mark) ?? [];
      if (having.length > 1) having.splice(having.indexOf(holder), 1);
      else if (byMark?.delete(mark) && byMark.size === 0) byModel.delete(holder.model);
    },
  };
};

const newHolder = (nodeId: string, model: string): Holder => ({
  nodeId,
  model,
  marks: new Map(),
  pending: new Set(),
  usedMs: 0,
  told: new Set(),
  trust: 1,
});

const oldestOf = (holder: Holder): bigint => holder.marks.keys().next().value ?? 0n;

export const keyOf = (nodeId: string, model: string): string => `${nodeId}\n${model}`;
