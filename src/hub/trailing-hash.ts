import { Worker } from "node:worker_threads";
import { workerFile } from "../native/worker-file.ts";
import type { ContentHashes, ContentId } from "./content-id.ts";
import type { HashJob } from "./hash-worker.ts";

/**
 * Hashes a file behind the writes that fill it, so that nearly all of it is hashed when the last byte arrives. In a thread of its own:
 * on the thread that moves the bytes it fell behind by a gigabyte in two.
 */
export interface TrailingHash {
  /** The first `frontier` bytes are written now. */
  advance(frontier: number): void;
  /** Resolves once all bytes are written and hashed. */
  digest: Promise<ContentHashes>;
  /** Ends it early; `digest` then rejects. */
  stop(): void;
}

export const trailingHash = (path: string, sizeBytes: number, algorithm: ContentId["algorithm"]): TrailingHash => {
  const frontier = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  const job: HashJob = { path, sizeBytes, algorithm, frontier };
  const worker = new Worker(workerFile("hub/hash-worker"), { workerData: job });
  const digest = new Promise<ContentHashes>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("hashing was stopped")));
  });
  digest.catch(() => undefined); // whoever awaits it sees it; a stopped one nobody awaits
  const tell = (value: number) => {
    Atomics.store(frontier, 0, BigInt(value));
    Atomics.notify(frontier, 0);
  };
  return {
    digest,
    advance(to) {
      const reached = Number(frontier[0]);
      if (reached >= 0 && to > reached) tell(to);
    },
    stop: () => tell(-1),
  };
};
