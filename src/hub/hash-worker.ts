/** The thread of a TrailingHash: reads a file behind the writes that fill it, and posts its hashes. */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { type ContentHashes, type ContentId, contentHasher } from "./content-id.ts";

export interface HashJob {
  path: string;
  sizeBytes: number;
  algorithm: ContentId["algorithm"];
  /** One number that both threads see: how many bytes are written without a gap, or -1 to stop. */
  frontier: BigInt64Array<SharedArrayBuffer>;
}

const blockBytes = 1024 * 1024; // small enough for the processor's cache between reading and hashing

/** Undefined when it was told to stop. */
const hashBehind = ({ path, sizeBytes, algorithm, frontier }: HashJob): ContentHashes | undefined => {
  const hasher = contentHasher(sizeBytes, algorithm);
  const block = new Uint8Array(blockBytes);
  let file: number | undefined; // opened when there is something to read: only then does it exist for certain
  try {
    for (let position = 0; position < sizeBytes; ) {
      const reached = Atomics.load(frontier, 0);
      if (reached < 0n) return undefined;
      const wanted = Math.min(blockBytes, sizeBytes - position);
      if (Number(reached) - position < wanted) {
        Atomics.wait(frontier, 0, reached);
        continue;
      }
      file ??= openSync(path, "r");
      const bytesRead = readSync(file, block, 0, wanted, position);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was hashed`);
      hasher.update(block.subarray(0, bytesRead));
      position += bytesRead;
    }
    return hasher.digest();
  } finally {
    if (file !== undefined) closeSync(file);
  }
};

const hashes = hashBehind(workerData as HashJob);
if (hashes) parentPort?.postMessage(hashes);
