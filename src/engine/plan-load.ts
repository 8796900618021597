import { formatBytes } from "../core/format.ts";
import type { MemoryEstimate, MemoryParts } from "../runner/protocol.ts";
import { type Evictable, evict } from "./evict.ts";
import type { HostMemory } from "./host-memory.ts";
import type { MemoryNeed } from "./memory-need.ts";

/** What the plan needs to know of a model that is loaded or being loaded. */
export interface Resident extends Evictable {
  /** What its runner holds in the machine's memory and on GPUs; for one that is still being loaded, what it will. */
  hostBytes: number;
  vramBytes: number;
  isLoading: boolean;
}

/** All GPUs that compute, together. */
export interface GpuMemory {
  freeBytes: number;
  totalBytes: number;
}

export interface LoadQuestion<T extends Resident> {
  need: MemoryNeed;
  contextTokens: number;
  /** Absent = as many as memory allows. */
  slots?: number | undefined;
  residents: readonly T[];
  maxLoadedModels: number;
  host: HostMemory;
  /** Absent = the CPU computes. */
  gpu?: GpuMemory | undefined;
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

// Left free on the GPUs: llama.cpp's own estimate of what is needed can be short, and a screen needs some too.
export const gpuMarginBytes = 512 * 2 ** 20;

/** Whether a model can be loaded now, with how many slots, and who has to go for it. */
export const planLoad = <T extends Resident>(question: LoadQuestion<T>): LoadPlan<T> => {
  const { need, contextTokens, residents, host, gpu } = question;
  const slots = question.slots ?? slotsFor(need, contextTokens, gpu?.freeBytes ?? host.availableBytes);
  const victims = evict(residents, question.maxLoadedModels);
  if (victims === undefined) return { kind: "wait" };
  if (victims.length > 0) return { kind: "evict", victims };
  const bytes = memoryFor(need, contextTokens, slots);
  if (!gpu) return planOnHost(question, slots, bytes);
  const room = gpu.freeBytes - gpuMarginBytes - promised(residents, "vramBytes");
  const plan = makeRoom(residents, "vramBytes", bytes - room, bytes + gpuMarginBytes <= gpu.totalBytes);
  if (plan) return plan === "enough" ? { kind: "load", slots } : plan;
  // It will not fit even alone: what the GPUs have no room for is computed by the CPU.
  return planOnHost(question, slots, bytes - Math.max(0, room));
};

/** Weights are shared with the file cache, so only what is more than the machine has is refused. */
const planOnHost = <T extends Resident>(question: LoadQuestion<T>, slots: number, bytes: number): LoadPlan<T> => {
  const { need, contextTokens, residents, host } = question;
  const available = host.availableBytes - promised(residents, "hostBytes");
  const plan = makeRoom(residents, "hostBytes", bytes - available, bytes <= host.totalBytes);
  if (plan) return plan === "enough" ? { kind: "load", slots } : plan;
  // Mapped weights that do not fit are read again and again: slow, but it works. Its own memory has to be there.
  if (bytes - need.weightsBytes <= available && need.weightsBytes <= host.totalBytes) return { kind: "load", slots };
  const reason = `it needs ${formatBytes(bytes)} of memory with ${slots} x ${contextTokens} tokens of context, and ${formatBytes(Math.max(0, host.availableBytes))} of ${formatBytes(host.totalBytes)} are available`;
  return { kind: "refuse", reason };
};

type Kind = "hostBytes" | "vramBytes";

/** What is being loaded has not taken its memory yet. */
const promised = (residents: readonly Resident[], kind: Kind): number =>
  residents.reduce((sum, resident) => sum + (resident.isLoading ? resident[kind] : 0), 0);

/**
 * Who has to go, or be waited for, to free `missing` bytes; undefined when nobody is left who could. `possible`: would it fit if
 * nobody else were there?
 */
const makeRoom = <T extends Resident>(residents: readonly T[], kind: Kind, missing: number, possible: boolean) => {
  if (missing <= 0) return "enough";
  const holders = residents.filter((resident) => resident[kind] > 0);
  const idle = holders.filter(({ users }) => users === 0).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  const enough = fewest(idle, kind, missing);
  if (enough) return { kind: "evict" as const, victims: enough };
  if (possible && holders.length > idle.length) return { kind: "wait" as const };
  if (idle.length > 0) return { kind: "evict" as const, victims: idle };
  return undefined;
};

/** Why a model cannot be loaded as llama.cpp would spread it; undefined when it can. The host is the last device. */
export const refuseEstimate = ({ fits, fitted }: MemoryEstimate, host: HostMemory): string | undefined => {
  const device = fits ? undefined : fitted.find((part) => ownBytes(part) + part.weightsBytes > part.freeBytes);
  if (device)
    return `it needs ${formatBytes(ownBytes(device) + device.weightsBytes)} of ${device.device}'s memory, and ${formatBytes(device.freeBytes)} are free`;
  const own = ownBytes(fitted.at(-1) ?? { contextBytes: 0, computeBytes: 0 });
  if (own <= host.availableBytes) return undefined;
  return `it needs ${formatBytes(own)} of the machine's memory, and ${formatBytes(host.availableBytes)} are available`;
};

const ownBytes = ({ contextBytes, computeBytes }: Pick<MemoryParts, "contextBytes" | "computeBytes">): number =>
  contextBytes + computeBytes;

/** Everything that a model takes with this many slots, in bytes. */
export const memoryFor = (need: MemoryNeed, contextTokens: number, slots: number): number =>
  need.weightsBytes + need.computeBytes + need.kvBytesPerToken * contextTokens * slots;

const slotsFor = (need: MemoryNeed, contextTokens: number, availableBytes: number): number => {
  const limit = Math.min(kvBytesMax, availableBytes * kvShareMax);
  return slotChoices.find((slots) => slots * contextTokens * need.kvBytesPerToken <= limit) ?? 1;
};

/** The first of `idle` that together free `bytes`; undefined when all of them are not enough. */
const fewest = <T extends Resident>(idle: readonly T[], kind: Kind, bytes: number): T[] | undefined => {
  let freed = 0;
  const count = idle.findIndex((resident) => {
    freed += resident[kind];
    return freed >= bytes;
  });
  return count < 0 ? undefined : idle.slice(0, count + 1);
};
