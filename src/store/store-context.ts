import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
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
  /**
   * Runs `change` while no other operation, in any process, publishes or removes. Keep it short: no hashing, no download. Throws `disk_full`
   * where it finds no space.
   */
  exclusively<T>(change: () => Promise<T>): Promise<T>;
}

export const storeContext = (collaborators: Omit<StoreContext, "exclusively">): StoreContext => {
  const { layout, clock } = collaborators;
  let tail: Promise<unknown> = Promise.resolve();
  const locked = async <T>(change: () => Promise<T>): Promise<T> => {
    using _lock = await lockFile(layout.storeLock, { clock });
    try {
      return await change();
    } catch (error) {
      throw isFull(error) ? noSpace(layout, error) : error;
    }
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

const isFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

const noSpace = ({ blobs }: StoreLayout, cause: unknown): AppError =>
  new AppError("disk_full", `no space left in ${blobs}; free some and try again: nothing was lost`, { cause });
