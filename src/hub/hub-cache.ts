import { constants, createReadStream, createWriteStream, type Stats } from "node:fs";
import { copyFile, link, open, realpath, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Log } from "../core/log.ts";
import { deletePartial } from "../store/partial-downloads.ts";
import { openJournal, type PartialIdentity } from "../store/partial-journal.ts";
import type { PartialPaths } from "../store/store-layout.ts";
import { type ContentId, contentHasher } from "./content-id.ts";
import { systemDisk } from "./disk-access.ts";
import type { PullProgress } from "./pull-progress.ts";

/** A way to have a file at a second place without writing to the first. */
export interface Placement {
  name: string;
  place(from: string, to: string, signal: AbortSignal): Promise<void>;
}

const blockBytes = 1024 * 1024;

/** A stream, because copyFile cannot be aborted and a large model takes minutes. */
const copy: Placement["place"] = async (from, to, signal) => {
  const { size } = await stat(from);
  if ((await systemDisk.freeBytes(dirname(to))) < size) throw new Error("not enough disk space");
  await writeFile(to, "", { flag: "wx" });
  await truncate(to, size); // in its full size it counts as an unfinished download, which `rm` finds after a kill
  const target = createWriteStream(to, { flags: "r+" });
  await pipeline(createReadStream(from, { highWaterMark: blockBytes }), target, { signal });
};

/** The first that works is used. A hard link shares the cache's own file, so nobody may ever write to it. */
export const placements: readonly Placement[] = [
  { name: "reflink", place: (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE) },
  { name: "hard link", place: link },
  { name: "copy", place: copy },
];

/**
 * Path of a file's blob in the cache that huggingface_hub, transformers and llama.cpp share; undefined when it is not there in its
 * full size. The cache names the blobs of large files by their sha256.
 */
export const findCachedBlob = async (
  cacheDir: string | undefined,
  { org, name }: { org: string; name: string },
  { algorithm, hex }: ContentId,
  sizeBytes: number,
): Promise<string | undefined> => {
  if (cacheDir === undefined || algorithm !== "sha256") return undefined;
  try {
    const path = await realpath(join(cacheDir, `models--${org}--${name}`, "blobs", hex)); // link() would link a link itself
    const found = await stat(path);
    return found.isFile() && found.size === sizeBytes ? path : undefined;
  } catch {
    return undefined;
  }
};

export interface CacheReuse {
  blob: string;
  sha256: string;
  paths: PartialPaths;
  identity: PartialIdentity;
  log: Log;
  signal: AbortSignal;
  emit(progress: PullProgress): void;
  /** Default: reflink, hard link, copy. */
  placements?: readonly Placement[];
}

/**
 * Verifies a blob of the cache and puts it where its download would have ended. False when that cannot be done: then it has to be
 * downloaded. The caller holds the partial's lock.
 */
export const reuseCachedBlob = async (request: CacheReuse): Promise<boolean> => {
  const { blob, sha256, paths, identity, log, signal } = request;
  try {
    const before = await stat(blob);
    const found = await hashBlob(request);
    if (found !== sha256) {
      log.warn(`${blob} in the Hugging Face cache is damaged: its sha256 is ${found}; downloading the file instead`);
      return false;
    }
    const name = await placeBlob(request);
    if (name !== undefined && isSame(before, await stat(blob))) {
      log.info(`${identity.file} is taken from the Hugging Face cache (${name} of ${blob})`);
      return true;
    }
    await deletePartial(paths);
  } catch (error) {
    signal.throwIfAborted();
    log.warn(`cannot use ${blob} of the Hugging Face cache: ${(error as Error).message}; downloading the file instead`);
  }
  return false;
};

/** Name of the way that worked; undefined or a throw leaves nothing behind. */
const placeBlob = async (request: CacheReuse): Promise<string | undefined> => {
  const { blob, paths, identity, log, signal } = request;
  await deletePartial(paths);
  try {
    // A journal that vouches for no byte: `rm` finds what a kill leaves behind, and a later download does not write into it.
    using _journal = await openJournal(paths, identity, []);
    for (const { name, place } of request.placements ?? placements) {
      try {
        await place(blob, paths.data, signal);
        return name;
      } catch (error) {
        await rm(paths.data, { force: true });
        signal.throwIfAborted();
        log.debug(`no ${name} of ${blob}: ${(error as Error).message}`);
      }
    }
  } catch (error) {
    await deletePartial(paths);
    throw error;
  }
  return undefined;
};

/** The file that was hashed is the one that was placed, as far as its inode tells. */
const isSame = (a: Stats, b: Stats) => a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;

const hashBlob = async ({ blob, sha256, identity, signal, emit }: CacheReuse): Promise<string> => {
  const total = identity.sizeBytes;
  const hasher = contentHasher(total, "sha256");
  const block = new Uint8Array(blockBytes);
  const file = await open(blob, "r");
  try {
    let shownPercent = -1;
    for (let completed = 0; completed < total; ) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(block, 0, blockBytes, completed);
      if (bytesRead === 0) break; // it became shorter: the hash will not match
      hasher.update(block.subarray(0, bytesRead));
      completed += bytesRead;
      const percent = Math.floor((completed / total) * 100);
      if (percent <= shownPercent) continue;
      shownPercent = percent;
      // Without the digest: should the blob turn out damaged, the bar of its download begins at zero.
      emit({ status: `verifying ${sha256.slice(0, 12)} of the Hugging Face cache`, total, completed });
    }
  } finally {
    await file.close();
  }
  return hasher.digest().sha256;
};
