import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { createWaitEstimate } from "../../core/wait-estimate.ts";
import { createFairQueue, type FairQueue } from "../choice/fair-queue.ts";

/**
 * Requests that wait for a place on a node: in turn by who asks, and for each of them in order; but of the next in turn the one goes first that has
 * most of its prompt in a cache where there is a place, within the bounds of `shiftCheapest`.
 */
export interface WaitingLine {
  readonly length: number;
  /** Somebody waits for the model: who comes now does not go before them. */
  has(model: string): boolean;
  /** Resolves to what `look` finds, when it is taken. Throws `busy` when the line is full or the wait too long. */
  wait<T>(waiter: Waiter<T>, signal: AbortSignal): Promise<T>;
  /** A place may be free: those who wait try. */
  wake(): void;
}

export interface Waiter<T> {
  /** Who asks. */
  tenant: string;
  model: string;
  /** Undefined = there is still no place. Throws when there will be none. */
  look(): Offer<T> | undefined;
}

/** A place that is free now. */
export interface Offer<T> {
  /** Prompt tokens that would have to be evaluated there. */
  readonly cost: number;
  take(): T;
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
  /** Taking it ends the wait, also where it is that there will be no place. */
  look(): Offer<void> | undefined;
}

// Places become free that no lease of ours told of: another client's on a node, or a node that has come back.
const lookMs = 500;

export const createWaitingLine = ({ clock, limit, limitPerTenant, waitMs }: LineOptions): WaitingLine => {
  const queue = createFairQueue<Entry>({ limit, limitPerKey: limitPerTenant });
  const models = new Map<string, number>();
  const estimate = createWaitEstimate(clock);
  /** Of the whole line: keys take turns, so nobody's own part of it says more. */
  const retryAfterSeconds = () => estimate.seconds(queue.size);
  let looking = false;
  const count = (model: string, by: number): void => {
    const sum = (models.get(model) ?? 0) + by;
    if (sum > 0) models.set(model, sum);
    else models.delete(model);
  };
  const wake = (): void =>
    serveThoseWhoFit(queue, ({ model }) => {
      count(model, -1);
      estimate.served();
    });
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
      if (queue.size === 0) estimate.begins();
      const refusal = queue.push(waiter.tenant, entry);
      if (refusal) throw refused(refusal, refusal === "full" ? limit : limitPerTenant, retryAfterSeconds());
      count(waiter.model, 1);
      look();
      const leave = (error: AppError): void => {
        if (!queue.remove(entry)) return;
        count(waiter.model, -1);
        fail(error);
      };
      const onAbort = () => leave(new AppError("cancelled", "the client went away"));
      const cancel = clock.after(waitMs, () => leave(waitedTooLong(waiter.model, waitMs, retryAfterSeconds())));
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

/** Until nobody fits any more. `onServed` is told before a place is taken. */
const serveThoseWhoFit = (queue: FairQueue<Entry>, onServed: (entry: Entry) => void): void => {
  const full = new Set<string>(); // models for which somebody found no place
  while (queue.size > 0) {
    const fullBefore = full.size;
    const offers = new Map<Entry, Offer<void>>();
    const cost = (entry: Entry): number => {
      const offer = full.has(entry.model) ? undefined : entry.look();
      if (offer) offers.set(entry, offer);
      else full.add(entry.model);
      return offer?.cost ?? Number.POSITIVE_INFINITY;
    };
    const entry = queue.shiftCheapest(cost, ({ model }) => !full.has(model));
    if (!entry && full.size === fullBefore) return;
    if (!entry) continue; // those behind them want other models
    onServed(entry);
    offers.get(entry)?.take();
  }
};

const openEntry = <T>({ model, look }: Waiter<T>) => {
  const { promise: placed, resolve, reject } = Promise.withResolvers<T>();
  const lookSafely = (): Offer<void> | undefined => {
    try {
      const offer = look();
      return offer && { cost: offer.cost, take: () => resolve(offer.take()) };
    } catch (error) {
      return { cost: -1, take: () => reject(error) }; // to be told before anybody is served
    }
  };
  return { entry: { model, look: lookSafely } satisfies Entry, placed, fail: reject };
};

const refused = (refusal: "full" | "key-full", limit: number, retryAfterSeconds: number): AppError =>
  refusal === "full"
    ? new AppError("busy", `${limit} requests wait for a node already; try again later`, { retryAfterSeconds })
    : new AppError("rate_limited", `${limit} requests of this key wait for a node already; try again later`, {
        retryAfterSeconds,
      });

const waitedTooLong = (model: string, waitMs: number, retryAfterSeconds: number) =>
  new AppError("busy", `every node that has "${model.slice(0, 200)}" is full; waited ${waitMs / 1000} s`, {
    retryAfterSeconds,
  });
