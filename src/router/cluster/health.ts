import type { NodeStatus } from "../../api/router.ts";

/** How a node did of late. Values are replaced, never changed. */
export interface Health {
  /** Has it answered or reported since the router began? */
  readonly known: boolean;
  /** Attempts in a row that did not reach it, of probes and of requests. */
  readonly failures: number;
  /** Requests in a row that it answered with a server error. */
  readonly faults: number;
  /** Of its reports, while it has a stream of them. */
  readonly silence: "none" | "late" | "lost";
  /** Of the last failure, in one line. */
  readonly reason?: string;
}

export type HealthEvent =
  | { readonly type: "probed" }
  | { readonly type: "reported" }
  | { readonly type: "unreachable"; readonly reason: string }
  | { readonly type: "answered" }
  | { readonly type: "faulted" }
  | { readonly type: "silent"; readonly silence: "late" | "lost" }
  | { readonly type: "stream-ended" };

export const newHealth: Health = { known: false, failures: 0, faults: 0, silence: "none" };

/** Past this the breaker is open: only a probe that succeeds closes it again. */
const failuresMax = 3;
const faultsMax = 3;

type After<T extends HealthEvent["type"]> = (health: Health, event: Extract<HealthEvent, { type: T }>) => Health;

const isOpen = ({ failures }: Health): boolean => failures >= failuresMax;

const transitions: { readonly [T in HealthEvent["type"]]: After<T> } = {
  probed: (health) => ({ ...health, known: true, failures: 0, faults: 0 }),
  // A report says that the node is well, not that it can be reached.
  reported: (health) => ({ ...health, known: true, silence: "none" }),
  unreachable: (health, { reason }) => ({ ...health, failures: health.failures + 1, reason }),
  answered: (health) => (isOpen(health) ? health : { ...health, failures: 0, faults: 0 }),
  faulted: (health) => ({ ...health, faults: health.faults + 1 }),
  silent: (health, { silence }) => ({ ...health, silence }),
  "stream-ended": (health) => ({
    ...health,
    silence: "none",
    failures: health.failures + 1,
    reason: "its reports ended without a goodbye",
  }),
};

export const afterEvent = <T extends HealthEvent["type"]>(
  health: Health,
  event: Extract<HealthEvent, { type: T }>,
): Health => (transitions[event.type as T] as After<T>)(health, event);

/** What a health means to people and to the choice. `trouble`: what the node says of itself. */
export const statusOf = (
  health: Health,
  { draining, trouble }: { draining: boolean; trouble?: string | undefined },
): { status: NodeStatus; reason?: string } => {
  const { known, failures, faults, silence, reason } = health;
  if (!known) return { status: "offline", reason: reason ?? "it has not been reached yet" };
  if (failures >= failuresMax) return { status: "offline", reason: reason ?? "it cannot be reached" };
  if (silence === "lost") return { status: "offline", reason: "it has sent no report for 30 s" };
  if (draining) return { status: "draining" };
  if (failures > 0) return { status: "degraded", reason: reason ?? "it could not be reached" };
  if (silence === "late") return { status: "degraded", reason: "it has sent no report for 15 s" };
  if (faults >= faultsMax) return { status: "degraded", reason: `its last ${faults} answers were errors` };
  return trouble ? { status: "degraded", reason: trouble } : { status: "online" };
};

const steadyMs = 10_000;
const retryMs = 1_000;
const retryMaxMs = 30_000;

/** When a node is asked next; `random` is from 0 to 1. Jitter keeps a router from asking all its nodes at once. */
export const nextProbeMs = (failures: number, random: number): number => {
  const ms = failures === 0 ? steadyMs : Math.min(retryMaxMs, retryMs * 2 ** (failures - 1));
  return Math.round(ms * (0.8 + 0.4 * random));
};
