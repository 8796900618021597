import { rm, stat } from "node:fs/promises";
import { listConversions } from "./conversion-folder.ts";
import { tryLockFile } from "./file-lock.ts";
import type { ModelName } from "./manifest.ts";
import { listPartials } from "./partial-downloads.ts";
import type { StoreContext } from "./store-context.ts";
import type { StoreLayout } from "./store-layout.ts";

/** A download or a conversion that was begun for a model. */
export interface Unfinished {
  id: string;
  model: ModelName;
  /** Whether the model is its repository's default quantization. */
  isDefault: boolean;
  /** Disk space that goes with it. */
  allocatedBytes: number;
  /** What is written to while somebody works on it. */
  files: readonly string[];
  /** Held by whoever works on it. */
  lock: string;
  /** Only by who has the lock. */
  remove(): Promise<void>;
}

export const listUnfinished = async (layout: StoreLayout): Promise<Unfinished[]> => [
  ...(await listConversions(layout)), // first: they hold links to downloads
  ...(await listPartials(layout)),
];

/** When somebody last worked on it, in milliseconds since 1970. */
export const lastWriteMs = async ({ files }: Unfinished): Promise<number> =>
  Math.max(...(await Promise.all(files.map(modifiedMs))));

const modifiedMs = async (path: string): Promise<number> =>
  await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

/**
 * Returns the bytes given back; none where somebody works on it. The lock is taken directly, not under the store's: this runs while the store's
 * lock is held already.
 */
export const removeIdle = async ({ log }: Pick<StoreContext, "log">, unfinished: Unfinished): Promise<number> => {
  const lock = tryLockFile(unfinished.lock);
  if (!lock) {
    log.debug(`leaving ${unfinished.id}: it is being worked on`);
    return 0;
  }
  using _lock = lock;
  await unfinished.remove();
  await rm(unfinished.lock, { force: true });
  return unfinished.allocatedBytes;
};
