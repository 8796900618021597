import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Caller } from "./access.ts";

/** Holds API keys to the limits that they were made with. */
export interface KeyLimits {
  /** A request begins; call what is returned when it has ended. Throws `rate_limited`. */
  enter(caller: Caller): () => void;
}

interface Use {
  /** Requests that may begin now: refilled evenly, up to those of one minute. */
  allowance: number;
  atMs: number;
  running: number;
}

const minuteMs = 60_000;

export const createKeyLimits = (clock: Clock): KeyLimits => {
  const uses = new Map<string, Use>(); // one for each key that has a limit
  const useOf = ({ id, requestsPerMinute = 0 }: Caller): Use => {
    const nowMs = clock.now();
    const use = uses.get(id) ?? { allowance: requestsPerMinute, atMs: nowMs, running: 0 };
    const refilled = use.allowance + ((nowMs - use.atMs) * requestsPerMinute) / minuteMs;
    Object.assign(use, { allowance: Math.min(requestsPerMinute, refilled), atMs: nowMs });
    uses.set(id, use);
    return use;
  };
  return {
    enter(caller) {
      const { name, requestsPerMinute, concurrency } = caller;
      if (requestsPerMinute === undefined && concurrency === undefined) return () => undefined;
      const use = useOf(caller);
      if (concurrency !== undefined && use.running >= concurrency)
        throw new AppError("rate_limited", `API key "${name}" has ${concurrency} requests running, as many as it may`);
      if (requestsPerMinute !== undefined && use.allowance < 1)
        throw new AppError("rate_limited", `API key "${name}" has used its ${requestsPerMinute} requests per minute`, {
          retryAfterSeconds: Math.max(1, Math.ceil(((1 - use.allowance) * 60) / requestsPerMinute)),
        });
      if (requestsPerMinute !== undefined) use.allowance--;
      use.running++;
      return () => void use.running--;
    },
  };
};
