import { rm } from "node:fs/promises";
import { sizeOf } from "./file-size.ts";
import type { StoredFile } from "./manifest.ts";
import type { StoreScan } from "./scan-models.ts";
import type { StoreContext } from "./store-context.ts";

/** Deletes those of `files` that no model in `scan` uses; returns the bytes given back. Only while the store is locked. */
export const freeBlobs = async (
  { layout }: StoreContext,
  files: readonly StoredFile[],
  scan: StoreScan,
): Promise<number> => {
  const used = new Set(scan.models.flatMap(({ manifest }) => manifest.files.map(({ digest }) => digest)));
  const unused = [...new Set(files.map(({ digest }) => digest))].filter(
    (digest) => !used.has(digest) && !scan.unreadableDigests.has(digest),
  );
  let freedBytes = 0;
  for (const digest of unused) {
    const path = layout.blob(digest);
    freedBytes += (await sizeOf(path)) ?? 0;
    await rm(layout.split(digest), { recursive: true, force: true }); // its links would keep the space
    await rm(path, { force: true });
  }
  return freedBytes;
};
