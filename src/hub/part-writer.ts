import type { Part } from "./plan-parts.ts";
import type { Transfer } from "./transfer.ts";

const pendingMaxBytes = 512 * 1024; // per stream; beyond it the network has to wait for the disk
const pendingMaxChunks = 256; // a system call takes 1,024 at most

/** Writes a part's bytes to their place: what arrives during one write goes out together with the next. */
export const partWriter = (transfer: Pick<Transfer, "file" | "onWritten">, part: Part) => {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let writing: Promise<void> | undefined;
  let failure: unknown;
  const writePending = async () => {
    try {
      while (pending.length > 0) {
        const chunks = pending;
        const end = part.position + pendingBytes;
        pending = [];
        pendingBytes = 0;
        await transfer.file.write(chunks, part.position);
        const start = part.position;
        part.position = end;
        transfer.onWritten(start, end);
      }
    } catch (error) {
      failure ??= new WriteError(error);
    } finally {
      writing = undefined;
    }
  };
  return {
    async push(bytes: Uint8Array) {
      if (failure !== undefined) throw failure;
      pending.push(bytes);
      pendingBytes += bytes.length;
      writing ??= writePending();
      if (pendingBytes >= pendingMaxBytes || pending.length >= pendingMaxChunks) await writing;
    },
    /** Waits for the last write; throws if one failed. */
    async end() {
      await writing;
      if (failure !== undefined) throw failure;
    },
  };
};

/** A failure of the disk, which no other request would help. */
export class WriteError extends Error {
  constructor(cause: unknown) {
    super("the disk failed", { cause });
  }
}
