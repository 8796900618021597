import { type FileHandle, open } from "node:fs/promises";
import { type ContentHashes, type ContentId, contentHasher } from "./content-id.ts";

/** Hashes a file behind the writes that fill it, so that nearly all of it is hashed when the last byte arrives. */
export interface TrailingHash {
  /** The first `frontier` bytes are written now. */
  advance(frontier: number): void;
  /** Resolves once all bytes are written and hashed. */
  digest: Promise<ContentHashes>;
  /** Ends it early; `digest` then rejects. */
  stop(): void;
}

const blockBytes = 1024 * 1024; // about 1 ms of hashing: short enough to keep streams flowing between two blocks

export const trailingHash = (path: string, sizeBytes: number, algorithm: ContentId["algorithm"]): TrailingHash => {
  let frontier = 0;
  let stopped = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  const more = () => new Promise<void>((resolve) => (wake = resolve));
  const run = async (): Promise<ContentHashes> => {
    const hasher = contentHasher(sizeBytes, algorithm);
    const block = new Uint8Array(blockBytes);
    await using source = lateFile(path);
    for (let position = 0; position < sizeBytes; ) {
      const wanted = Math.min(blockBytes, frontier - position);
      if (stopped) throw new Error("hashing was stopped");
      if (wanted <= 0) {
        await more();
        continue;
      }
      const file = await source.get();
      const { bytesRead } = await file.read(block, 0, wanted, position);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was hashed`);
      hasher.update(block.subarray(0, bytesRead));
      position += bytesRead;
    }
    return hasher.digest();
  };
  const digest = run();
  digest.catch(() => undefined); // whoever awaits it sees it; a stopped one nobody awaits
  return {
    digest,
    advance(to) {
      frontier = Math.max(frontier, to);
      notify();
    },
    stop() {
      stopped = true;
      notify();
    },
  };
};

/** Opens the file when it is first read: by then it exists. */
const lateFile = (path: string) => {
  let opened: Promise<FileHandle> | undefined;
  return {
    get: () => (opened ??= open(path, "r")),
    async [Symbol.asyncDispose]() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
};
