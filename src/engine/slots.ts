import { AppError } from "../core/errors.ts";

/** Hands out a fixed number of places in the order in which they were asked for. */
export interface Slots {
  /** Waits for a place; resolves to what gives it back. Throws `busy` when too many wait, or the signal's reason. */
  take(signal?: AbortSignal): Promise<() => void>;
  readonly busy: number;
  readonly waiting: number;
}

interface Waiter {
  grant: () => void;
}

/** `queueMax` bounds how many may wait. */
export const createSlots = (count: number, queueMax: number): Slots => {
  let busy = 0;
  const queue: Waiter[] = [];

  const release = () => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      busy--;
      queue.shift()?.grant();
    };
  };

  const wait = (signal?: AbortSignal) =>
    new Promise<() => void>((resolve, reject) => {
      const onAbort = () => {
        queue.splice(queue.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        grant: () => {
          signal?.removeEventListener("abort", onAbort);
          busy++;
          resolve(release());
        },
      };
      queue.push(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });

  return {
    async take(signal) {
      signal?.throwIfAborted();
      if (busy < count && queue.length === 0) {
        busy++;
        return release();
      }
      if (queue.length >= queueMax) {
        throw new AppError("busy", `server busy: ${queue.length} requests are waiting already; try again later`);
      }
      return await wait(signal);
    },
    get busy() {
      return busy;
    },
    get waiting() {
      return queue.length;
    },
  };
};
