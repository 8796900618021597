import type { PromptPrefix } from "../../core/prompt-prefix.ts";
import type { HeldPrompts } from "../types.ts";
import {
  createMarkStore,
  type Holder,
  keyOf,
  type MarkStore,
  type PrefixIndexLimits,
  prefixIndexLimits,
} from "./mark-store.ts";

/** What one request left in the index; given back when the request ends. */
export interface PrefixNote {
  /** The prompt is in the node's cache now. `cachedTokens`: what the node says that it had before; absent = it does not tell. */
  confirm(cachedTokens: number | undefined, nowMs: number): void;
  /** The node never evaluated it. */
  withdraw(): void;
}

/**
 * Which node probably has which beginnings of prompts evaluated. A guess from what was sent where, corrected by what answers tell and, for
 * nodes that tell what they hold, replaced by that. Models are called as their nodes call them.
 */
export interface PrefixIndex {
  readonly marks: number;
  record(nodeId: string, model: string, prompt: PromptPrefix, nowMs: number): PrefixNote;
  /**
   * The node tells what it holds. What is under way there stays, and what was used after `untilMs`: it may not have known of that. But what
   * it told before and tells no more is gone.
   */
  replace(nodeId: string, model: string, held: HeldPrompts, times: { nowMs: number; untilMs: number }): void;
  /**
   * Tokens that nodes have of this prompt, at most 64 nodes, those with the longest beginnings. `names`: those that the model has on nodes.
   * `turn`, 0 to 1: where to start among equals.
   */
  match(names: readonly string[], prompt: PromptPrefix, nowMs: number, turn: number): ReadonlyMap<string, number>;
  /** A model was unloaded, or the node left. */
  forget(nodeId: string, model?: string): void;
  /** Models of which something is known to lie on this node. */
  modelsOf(nodeId: string): string[];
}

const matchesMax = 64; // past this many warm nodes one more is no better a choice, and a decision stays short
const levelsMax = 8; // different lengths of beginnings; shorter ones than the eighth longest win against nobody
const trustGain = 0.2; // about the last five answers
const surpriseTokens = 256; // estimates of tokens are off by this much anyway

export const createPrefixIndex = (limits: PrefixIndexLimits = prefixIndexLimits): PrefixIndex => {
  const store = createMarkStore(limits);
  return {
    get marks() {
      return store.total;
    },
    record: (nodeId, model, prompt, nowMs) =>
      prompt.prefix.length === 0 ? noNote : record(store, store.use(nodeId, model, nowMs), prompt, nowMs),
    replace: (nodeId, model, held, times) => replace(store, nodeId, model, held, times),
    match(names, prompt, nowMs, turn) {
      const found = new Map<string, number>();
      for (const name of names) matchPrompt(found, store.byMark(name), prompt, { afterMs: nowMs - limits.ttlMs, turn });
      return found;
    },
    forget(nodeId, model) {
      const gone = store.ofNode(nodeId).filter((holder) => model === undefined || holder.model === model);
      for (const holder of gone) store.dropUntil(holder, Number.POSITIVE_INFINITY);
    },
    modelsOf: (nodeId) => store.ofNode(nodeId).map(({ model }) => model),
  };
};

const record = (store: MarkStore, holder: Holder, prompt: PromptPrefix, startMs: number): PrefixNote => {
  const known = knownDepth(prompt.prefix, (mark) => holder.marks.has(mark));
  const there = knownDepth(prompt.prefix, (mark) => holder.marks.has(mark) && !holder.pending.has(mark));
  const expected = tokensAt(prompt, there);
  const usedMs = holder.marks.get(prompt.prefix[there] ?? 0n) ?? 0;
  const added = prompt.prefix.slice(known + 1);
  for (const mark of added) holder.pending.add(mark);
  store.touch(holder, prompt.prefix, startMs);
  return {
    confirm(cachedTokens, endMs) {
      for (const mark of added) holder.pending.delete(mark);
      if (store.holders.get(keyOf(holder.nodeId, holder.model)) !== holder) return; // forgotten meanwhile
      learn(holder, expected, cachedTokens);
      // A node that lost this lost what it used before it, too.
      if (isSurprise(expected, cachedTokens)) store.dropUntil(holder, usedMs);
      store.touch(holder, prompt.prefix, endMs);
    },
    withdraw() {
      for (const mark of added) {
        holder.pending.delete(mark);
        if (holder.marks.get(mark) === startMs) store.drop(holder, mark);
      }
    },
  };
};

const replace = (
  store: MarkStore,
  nodeId: string,
  model: string,
  { marks, whole }: HeldPrompts,
  { nowMs, untilMs }: { nowMs: number; untilMs: number },
) => {
  const told = new Set(marks);
  const known = store.holders.get(keyOf(nodeId, model));
  for (const [mark, usedMs] of known && whole ? known.marks : []) {
    const isOlder = usedMs <= untilMs || known?.told.has(mark);
    if (known && isOlder && !known.pending.has(mark) && !told.has(mark)) store.drop(known, mark);
  }
  if (marks.length === 0) return;
  const holder = store.use(nodeId, model, nowMs);
  store.touch(holder, marks, nowMs);
  holder.told = told;
};

const noNote: PrefixNote = { confirm: () => {}, withdraw: () => {} };

const tokensAt = ({ prefix, prefixTokens, promptTokens }: PromptPrefix, index: number): number =>
  index < 0 ? 0 : (prefixTokens[index] ?? (promptTokens * (index + 1)) / prefix.length);

const learn = (holder: Holder, expected: number, cached: number | undefined) => {
  if (cached === undefined || expected < surpriseTokens) return;
  holder.trust += (Math.min(1, cached / expected) - holder.trust) * trustGain;
};

const isSurprise = (expected: number, cached: number | undefined): boolean =>
  cached !== undefined && cached < expected / 2 && expected - cached > surpriseTokens;

/** Index of the last mark before `end` that `has` knows, -1 = none. Who has a mark has those before it, so a few looks are enough. */
const knownDepth = (marks: readonly bigint[], has: (mark: bigint) => boolean, end = marks.length): number => {
  let low = -1;
  let high = end;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (has(marks[middle] as bigint)) low = middle;
    else high = middle;
  }
  return low;
};

/** From the deepest known mark towards the first; only where more nodes appear is there anything to see. */
const matchPrompt = (
  found: Map<string, number>,
  byMark: ReadonlyMap<bigint, readonly Holder[]>,
  prompt: PromptPrefix,
  { afterMs, turn }: { afterMs: number; turn: number },
): void => {
  const holdersOf = (mark: bigint) => byMark.get(mark) ?? [];
  let depth = knownDepth(prompt.prefix, (mark) => byMark.has(mark));
  for (let level = 0; level < levelsMax && depth >= 0 && found.size < matchesMax; level++) {
    const mark = prompt.prefix[depth] as bigint;
    const having = holdersOf(mark);
    const start = Math.floor(turn * having.length);
    for (let step = 0; step < having.length && found.size < matchesMax; step++) {
      const holder = having[(start + step) % having.length] as Holder;
      if (found.has(holder.nodeId) || (holder.marks.get(mark) ?? 0) <= afterMs) continue;
      found.set(holder.nodeId, tokensAt(prompt, depth) * holder.trust);
    }
    depth = knownDepth(prompt.prefix, (earlier) => holdersOf(earlier).length > having.length, depth);
  }
};
