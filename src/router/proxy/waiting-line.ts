import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { createFairQueue } from "../choice/fair-queue.ts";

/** Requests that wait for a place on a node: in turn by who asks, and for each of them in order. */
export interface WaitingLine {
  readonly length: number;
  /** Somebody waits for the model: who comes now does not go before them. */
  has(model: string): boolean;
  /** Resolves to what `place` finds, as soon as it finds something. Throws `busy` when the line is full or the wait too long. */
  wait<T>(waiter: Waiter<T>, signal: AbortSignal): Promise<T>;
  /** A place may be free: those who wait try. */
  wake(): void;
}

export interface Waiter<T> {
  /** Who asks. */
  tenant: string;
  model: string;
  /** Undefined = there is still no place. Throws when there will be none. */
  place(): T | undefined;
}

export interface LineOptions {
  clock: Clock;
  limit: number;
  /** Of those, from one who asks. */
  limitPerTenant: number;
  waitMs: number;
}

interface Entry {
  readonly model: string;
  /** True = it waits no longer. */
  tryPlace(): boolean;
}

// Places become free that no lease of ours told of: another client's on a node, or a node that has come back.
const lookMs = 500;

export const createWaitingLine = ({ clock, limit, limitPerTenant, waitMs }: LineOptions): WaitingLine => {
  const queue = createFairQueue<Entry>({ limit, limitPerKey: limitPerTenant });
  const models = new Map<string, number>();
  let looking = false;
  const count = (model: string, by: number): void => {
    const sum = (models.get(model) ?? 0) + by;
    if (sum > 0) models.set(model, sum);
    else models.delete(model);
  };
  const wake = (): void => {
    const full = new Set<string>(); // models for which the first in line found no place
    const accepts = (entry: Entry): boolean => {
      if (full.has(entry.model)) return false;
      const placed = entry.tryPlace();
      if (!placed) full.add(entry.model);
      return placed;
    };
    while (queue.size > 0) {
      const entry = queue.shift(accepts);
      if (!entry) return;
      count(entry.model, -1);
    }
  };
  const look = (): void => {
    if (looking || queue.size === 0) return;
    looking = true;
    clock.after(lookMs, () => {
      looking = false;
      wake();
      look();
    });
  };
  return {
    get length() {
      return queue.size;
    },
    has: (model) => models.has(model),
    async wait(waiter, signal) {
      const { entry, placed, fail } = openEntry(waiter);
      const refusal = queue.push(waiter.tenant, entry);
      if (refusal) throw refused(refusal, refusal === "full" ? limit : limitPerTenant);
      count(waiter.model, 1);
      look();
      const leave = (error: AppError): void => {
        if (!queue.remove(entry)) return;
        count(waiter.model, -1);
        fail(error);
      };
      const onAbort = () => leave(new AppError("cancelled", "the client went away"));
      const cancel = clock.after(waitMs, () => leave(waitedTooLong(waiter.model, waitMs)));
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
      try {
        return await placed;
      } finally {
        cancel();
        signal.removeEventListener("abort", onAbort);
      }
    },
    wake,
  };
};

const openEntry = <T>({ model, place }: Waiter<T>) => {
  const { promise: placed, resolve, reject } = Promise.withResolvers<T>();
  const tryPlace = (): boolean => {
    try {
      const found = place();
      if (found === undefined) return false;
      resolve(found);
    } catch (error) {
      reject(error);
    }
    return true;
  };
  return { entry: { model, tryPlace } satisfies Entry, placed, fail: reject };
};

const refused = (refusal: "full" | "key-full", limit: number): AppError =>
  refusal === "full"
    ? new AppError("busy", `${limit} requests wait for a node already; try again later`)
    : new AppError("rate_limited", `${limit} requests of this key wait for a node already; try again later`);

const waitedTooLong = (model: string, waitMs: number) =>
  new AppError("busy", `every node that has "${model.slice(0, 200)}" is full; waited ${waitMs / 1000} s`);
