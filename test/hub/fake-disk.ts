import { type DiskAccess, systemDisk } from "../../src/hub/disk-access.ts";

/** The real disk, with a watch on what is written. */
export interface WatchedDisk extends DiskAccess {
  /** Resolves once so many bytes have been written. */
  holds(bytes: number): Promise<void>;
}

/** A disk that is full after `capacityBytes`; default: never. Before the first byte it says that `freeAtFirst` bytes are free. */
export const watchedDisk = (capacityBytes = Number.POSITIVE_INFINITY, freeAtFirst = 1e12): WatchedDisk => {
  let takenBytes = 0; // also by writes that are under way
  let usedBytes = 0;
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  const count = (bytes: number) => {
    usedBytes += bytes;
    for (const [wanted, { resolve }] of waiting) if (usedBytes >= wanted) resolve();
  };
  return {
    freeBytes: async () => (takenBytes === 0 ? freeAtFirst : capacityBytes - takenBytes),
    holds(bytes) {
      const reached = Promise.withResolvers<void>();
      waiting.set(bytes, reached);
      count(0);
      return reached.promise;
    },
    async open(path, sizeBytes) {
      const file = await systemDisk.open(path, sizeBytes);
      return {
        ...file,
        async write(chunks, position) {
          const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
          if (takenBytes + bytes > capacityBytes)
            throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
          takenBytes += bytes;
          await file.write(chunks, position);
          count(bytes);
        },
      };
    },
  };
};
