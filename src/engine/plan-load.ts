import { formatBytes } from "../core/format.ts";
import { type Evictable, evict } from "./evict.ts";
import type { HostMemory } from "./host-memory.ts";
import type { MemoryNeed } from "./memory-need.ts";

/** What the plan needs to know of a model that is loaded or being loaded. */
export interface Resident extends Evictable {
  /** What its runner holds, in bytes; for one that is still being loaded, what it will. */
  memoryBytes: number;
  isLoading: boolean;
}

export interface LoadQuestion<T extends Resident> {
  need: MemoryNeed;
  contextTokens: number;
  /** Absent = as many as memory allows. */
  slots?: number | undefined;
  residents: readonly T[];
  maxLoadedModels: number;
  host: HostMemory;
}

export type LoadPlan<T> =
  | { kind: "load"; slots: number }
  /** These idle ones have to go first, the least recently used first. */
  | { kind: "evict"; victims: T[] }
  /** Only busy ones are in the way. */
  | { kind: "wait" }
  | { kind: "refuse"; reason: string };

// Four people at once are answered without waiting; more slots cost memory that most machines use better.
const slotChoices = [4, 2, 1] as const;
// A model that nobody gave slots to leaves most of the memory to weights and to other models.
const kvShareMax = 0.25;
const kvBytesMax = 4 * 2 ** 30;

/** Whether a model can be loaded now, with how many slots, and who has to go for it. Weights are shared with the file cache, so only
 * what is more than the machine has is refused. */
export const planLoad = <T extends Resident>(question: LoadQuestion<T>): LoadPlan<T> => {
  const { need, contextTokens, residents, host } = question;
  const slots = question.slots ?? slotsFor(need, contextTokens, host);
  const victims = evict(residents, question.maxLoadedModels);
  if (victims === undefined) return { kind: "wait" };
  if (victims.length > 0) return { kind: "evict", victims };
  const bytes = memoryFor(need, contextTokens, slots);
  // What is being loaded has not taken its memory yet.
  const promised = residents.reduce((sum, { isLoading, memoryBytes }) => sum + (isLoading ? memoryBytes : 0), 0);
  const missing = bytes - (host.availableBytes - promised);
  if (missing <= 0) return { kind: "load", slots };
  const idle = residents.filter(({ users }) => users === 0).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  const enough = fewest(idle, missing);
  if (enough) return { kind: "evict", victims: enough };
  const own = bytes - need.weightsBytes;
  const reason = `it needs ${formatBytes(bytes)} of memory with ${slots} x ${contextTokens} tokens of context, and ${formatBytes(Math.max(0, host.availableBytes))} of ${formatBytes(host.totalBytes)} are available`;
  if (residents.some(({ users }) => users > 0) && bytes <= host.totalBytes) return { kind: "wait" };
  if (idle.length > 0) return { kind: "evict", victims: idle };
  // Mapped weights that do not fit are read again and again: slow, but it works. Its own memory has to be there.
  if (own <= host.availableBytes - promised && need.weightsBytes <= host.totalBytes) return { kind: "load", slots };
  return { kind: "refuse", reason };
};

/** Everything that a model takes with this many slots, in bytes. */
export const memoryFor = (need: MemoryNeed, contextTokens: number, slots: number): number =>
  need.weightsBytes + need.computeBytes + need.kvBytesPerToken * contextTokens * slots;

const slotsFor = (need: MemoryNeed, contextTokens: number, { availableBytes }: HostMemory): number => {
  const limit = Math.min(kvBytesMax, availableBytes * kvShareMax);
  return slotChoices.find((slots) => slots * contextTokens * need.kvBytesPerToken <= limit) ?? 1;
};

/** The first of `idle` that together free `bytes`; undefined when all of them are not enough. */
const fewest = <T extends Resident>(idle: readonly T[], bytes: number): T[] | undefined => {
  let freed = 0;
  const count = idle.findIndex(({ memoryBytes }) => {
    freed += memoryBytes;
    return freed >= bytes;
  });
  return count < 0 ? undefined : idle.slice(0, count + 1);
};
