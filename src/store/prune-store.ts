import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "./manifest.ts";
import type { StoreScan } from "./scan-models.ts";
import type { StoreContext } from "./store-context.ts";
import type { StoreLayout } from "./store-layout.ts";
import { lastWriteMs, listUnfinished, removeIdle } from "./unfinished.ts";

export interface Pruned {
  /** Downloads and conversions. */
  partials: number;
  blobs: number;
  freedBytes: number;
}

const staleMs = 14 * 24 * 3_600_000; // long enough for a holiday; who comes back later starts again

/** Deletes unfinished downloads and conversions that nobody went on with for two weeks, and blobs that no model has used for as long: a crash left them. */
export const pruneStore = async (context: StoreContext): Promise<Pruned> =>
  await context.exclusively(async () => {
    const before = context.clock.now() - staleMs;
    const pruned: Pruned = { partials: 0, blobs: 0, freedBytes: 0 };
    for (const unfinished of await listUnfinished(context.layout)) {
      if ((await lastWriteMs(unfinished)) >= before) continue;
      const freedBytes = await removeIdle(context, unfinished);
      if (freedBytes > 0) pruned.partials++; // else somebody is working on it
      pruned.freedBytes += freedBytes;
    }
    for (const { digest, path, sizeBytes } of await unusedBlobs(context.layout, context.index.rescan(), before)) {
      await rm(context.layout.split(digest), { recursive: true, force: true });
      await rm(path, { force: true });
      pruned.blobs++;
      pruned.freedBytes += sizeBytes;
    }
    return pruned;
  });

/** Blobs that no manifest mentions, last written before `beforeMs`: a younger one may be about to be published. */
export const unusedBlobs = async (
  layout: StoreLayout,
  { models, unreadableDigests }: StoreScan,
  beforeMs: number,
): Promise<{ digest: string; path: string; sizeBytes: number }[]> => {
  const used = new Set(models.flatMap(({ manifest }) => manifest.files.map(({ digest }) => digest)));
  const unused: { digest: string; path: string; sizeBytes: number }[] = [];
  for (const name of await readdir(layout.blobs).catch(() => [])) {
    const digest = name.replace("-", ":");
    if (!isDigest(digest) || used.has(digest) || unreadableDigests.has(digest)) continue;
    const path = join(layout.blobs, name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < beforeMs) unused.push({ digest, path, sizeBytes: found.size });
  }
  return unused;
};
