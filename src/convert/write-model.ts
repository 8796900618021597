import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { AppError } from "../core/errors.ts";
import type { GgufLayout } from "../gguf/encode-header.ts";
import type { ExtraTensor } from "./architectures/architecture.ts";
import type { SourceTensor } from "./checkpoint/open-checkpoint.ts";
import { changeBlock } from "./tensors/change-block.ts";
import type { Block } from "./tensors/plan-blocks.ts";

export interface WriteModelOptions {
  layout: GgufLayout;
  extras: readonly ExtraTensor[];
  blocks: Iterable<Block<SourceTensor>>;
  signal?: AbortSignal | undefined;
  onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/** Blocks under way at a time: one is read and changed while another is written. More were not faster on two cores. */
const lanes = 2;

/** Of a write; why it is small stands in plan-blocks.ts. Whole heads and widened numbers can be more. */
const writeBytesMax = 512 * 1024;

/**
 * Writes a GGUF file whose layout is known, block by block, under a name of its own beside `output`; then syncs and renames it.
 * What was written of it is removed when anything fails. Throws `disk_full`, `corrupt` when a source ends early, `signal`'s reason.
 */
export const writeModel = async (output: string, options: WriteModelOptions): Promise<void> => {
  const partial = `${output}.${randomUUID()}.partial`;
  try {
    await checkSpace(dirname(output), options.layout.sizeBytes);
    const file = await open(partial, "wx");
    try {
      await writeAll(file, options);
      await file.datasync();
    } finally {
      await file.close();
    }
    options.signal?.throwIfAborted();
    await rename(partial, output);
    await syncFolder(dirname(output));
  } catch (error) {
    await rm(partial, { force: true });
    if (!isDiskFull(error)) throw error;
    throw new AppError("disk_full", `no space is left for ${basename(output)}`, { cause: error });
  }
};

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** Told before hours of work and not after them; what others write meanwhile is met as ENOSPC. */
const checkSpace = async (dir: string, sizeBytes: number) => {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize < sizeBytes)
    throw new AppError(
      "disk_full",
      `the converted model needs ${sizeBytes} bytes, ${bavail * bsize} are free in ${dir}`,
    );
};

const writeAll = async (file: FileHandle, { layout, extras, blocks, signal, onProgress }: WriteModelOptions) => {
  await file.truncate(layout.sizeBytes); // the padding between tensors is what is never written
  await writeAt(file, layout.header, 0);
  for (const [index, { values }] of extras.entries())
    await writeAt(file, new Uint8Array(values.buffer), layout.dataOffset + (layout.tensors[index]?.offset ?? 0));
  const queue = blocks[Symbol.iterator]();
  let doneBytes = layout.dataOffset;
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const lane = async () => {
    let buffer = new Uint8Array(0);
    for (let next = queue.next(); !next.done; next = queue.next()) {
      stop.throwIfAborted();
      if (buffer.length < next.value.bytes) buffer = new Uint8Array(next.value.bytes);
      const read = await readBlock(next.value, buffer.subarray(0, next.value.bytes));
      const bytes = changeBlock(read, next.value);
      await writeAt(file, bytes, next.value.to);
      doneBytes += bytes.length;
      onProgress?.(Math.min(doneBytes, layout.sizeBytes), layout.sizeBytes);
    }
  };
  const guarded = async () => {
    try {
      await lane();
    } catch (error) {
      failed.abort(error); // the first one counts; the other lanes end with it before the file is closed
    }
  };
  await Promise.all(Array.from({ length: lanes }, guarded));
  stop.throwIfAborted();
  onProgress?.(layout.sizeBytes, layout.sizeBytes);
};

const readBlock = async ({ source, from, bytes }: Block<SourceTensor>, into: Uint8Array<ArrayBuffer>) => {
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await source.file.read(into, done, bytes - done, from + done);
    if (bytesRead === 0) throw new AppError("corrupt", `the weights end inside ${source.name}`);
    done += bytesRead;
  }
  return into;
};

const writeAt = async (file: FileHandle, bytes: Uint8Array, offset: number) => {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, Math.min(writeBytesMax, bytes.length - done), offset + done)).bytesWritten;
};

/** So that the name survives a power cut too; Windows has no way to sync a folder. */
const syncFolder = async (dir: string) => {
  if (process.platform === "win32") return;
  const folder = await open(dir, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
