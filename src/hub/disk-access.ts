import { type FileHandle, open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";

/** A file that is written at many places at once. */
export interface DiskFile {
  /** Writes all of `chunks`, one behind the other, from `position` on. */
  write(chunks: Uint8Array[], position: number): Promise<void>;
  /** Makes what was written so far survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The disk as a collaborator, so that tests can fill it. */
export interface DiskAccess {
  /** Bytes that this user may still write where `folder` is or will be. */
  freeBytes(folder: string): Promise<number>;
  /** Opens or makes a file of `sizeBytes`; what was never written is a hole and takes no space. */
  open(path: string, sizeBytes: number): Promise<DiskFile>;
}

export const systemDisk: DiskAccess = {
  async freeBytes(folder) {
    for (let current = folder; ; current = dirname(current)) {
      try {
        const { bavail, bsize } = await statfs(current);
        return bavail * bsize;
      } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
        if (!missing || current === dirname(current)) throw error;
      }
    }
  },
  async open(path, sizeBytes) {
    const handle = await open(path, "a+").then(async (created) => {
      await created.close(); // "a+" makes the file where there is none, but only "r+" writes at positions
      return await open(path, "r+");
    });
    if ((await handle.stat()).size !== sizeBytes) await handle.truncate(sizeBytes);
    return {
      async write(chunks, position) {
        const { bytesWritten } = await handle.writev(chunks, position);
        let before = 0;
        for (const chunk of chunks) {
          const done = Math.min(chunk.length, Math.max(0, bytesWritten - before));
          if (done < chunk.length) await writeAll(handle, chunk.subarray(done), position + before + done);
          before += chunk.length;
        }
      },
      sync: () => handle.datasync(),
      close: () => handle.close(),
    };
  },
};

const writeAll = async (handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
};

/** An error of the disk in mid-download as one that says what to do; others as they are. */
export const diskError = async (
  error: unknown,
  at: { disk: DiskAccess; folder: string; neededBytes: number },
): Promise<unknown> => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    const freeBytes = await at.disk.freeBytes(at.folder).catch(() => undefined);
    const free = freeBytes === undefined ? "" : `, ${inBytes(freeBytes)} free`;
    return new AppError(
      "disk_full",
      `no space left in ${at.folder}: ${inBytes(at.neededBytes)} still needed${free}; ` +
        "what was downloaded is kept: free some space and pull again",
      { cause: error },
    );
  }
  if (code === "EACCES" || code === "EROFS" || code === "EPERM" || code === "EIO")
    return new AppError("internal", `cannot write in ${at.folder}: ${message}`, { cause: error });
  return error;
};

const inBytes = (bytes: number): string => `${formatBytes(bytes)} (${bytes} bytes)`;

/** Throws `disk_full` unless `neededBytes` (and a little more, for the file system itself) fit. */
export const checkSpace = async (
  disk: DiskAccess,
  folder: string,
  neededBytes: number,
  what: string,
): Promise<void> => {
  const freeBytes = await disk.freeBytes(folder);
  const withMargin = neededBytes + Math.min(neededBytes * 0.01, 64 * 1024 * 1024);
  if (freeBytes >= withMargin) return;
  throw new AppError(
    "disk_full",
    `not enough disk space for "${what}": ${formatBytes(neededBytes)} needed (${neededBytes} bytes), ` +
      `${formatBytes(freeBytes)} free (${freeBytes} bytes) in ${folder}`,
  );
};
