import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { lockFile } from "./file-lock.ts";
import type { ModelIndex } from "./model-index.ts";
import type { StoreLayout } from "./store-layout.ts";

/** What the operations of one opened store share. */
export interface StoreContext {
  layout: StoreLayout;
  index: ModelIndex;
  clock: Clock;
  log: Log;
  /** Runs `change` while no other operation, in any process, publishes or removes. Keep it short: no hashing, no download. */
  exclusively<T>(change: () => Promise<T>): Promise<T>;
}

export const storeContext = (collaborators: Omit<StoreContext, "exclusively">): StoreContext => {
  const { layout, clock } = collaborators;
  let tail: Promise<unknown> = Promise.resolve();
  const locked = async <T>(change: () => Promise<T>): Promise<T> => {
    using _lock = await lockFile(layout.storeLock, { clock });
    return await change();
  };
  return {
    ...collaborators,
    exclusively(change) {
      // A queue inside the process first, so that only other processes are ever polled for.
      const result = tail.then(() => locked(change));
      tail = result.catch(() => undefined);
      return result;
    },
  };
};
