import type { FileHandle } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import type { GgufLayout } from "../gguf/encode-header.ts";
import type { ExtraTensor } from "./architectures/architecture.ts";
import type { SourceTensor } from "./checkpoint/collect-tensors.ts";
import { changeBlock } from "./tensors/change-block.ts";
import type { Block } from "./tensors/plan-blocks.ts";

/** Blocks under way at a time: one is read and changed while another is written. More were not faster on two cores. */
const lanes = 2;

/** Of a write; why it is small stands in plan-blocks.ts. Whole heads and widened numbers can be more. */
const writeBytesMax = 512 * 1024;

/** Gives a new GGUF file its size, all but the tensors of the source, and holes where those will be. */
export const writeHeader = async (
  file: FileHandle,
  layout: GgufLayout,
  extras: readonly ExtraTensor[],
): Promise<void> => {
  await file.truncate(layout.sizeBytes); // the padding between tensors is what is never written
  await writeAt(file, layout.header, 0);
  for (const [index, { values }] of extras.entries())
    await writeAt(file, new Uint8Array(values.buffer), layout.dataOffset + (layout.tensors[index]?.offset ?? 0));
};

/** Reads, changes and writes block by block. Throws `corrupt` when the source ends early, the disk's error, `signal`'s reason. */
export const writeBlocks = async (
  file: FileHandle,
  source: FileHandle,
  blocks: Iterable<Block<SourceTensor>>,
  { signal, onWritten }: { signal?: AbortSignal | undefined; onWritten: (bytes: number) => void },
): Promise<void> => {
  const queue = blocks[Symbol.iterator]();
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const lane = async () => {
    let buffer = new Uint8Array(0);
    for (let next = queue.next(); !next.done; next = queue.next()) {
      stop.throwIfAborted();
      if (buffer.length < next.value.bytes) buffer = new Uint8Array(next.value.bytes);
      const read = await readBlock(source, next.value, buffer.subarray(0, next.value.bytes));
      const bytes = changeBlock(read, next.value);
      await writeAt(file, bytes, next.value.to);
      onWritten(bytes.length);
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
};

const readBlock = async (
  file: FileHandle,
  { source, from, bytes }: Block<SourceTensor>,
  into: Uint8Array<ArrayBuffer>,
) => {
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(into, done, bytes - done, from + done);
    if (bytesRead === 0) throw new AppError("corrupt", `the weights end inside ${source.name}`);
    done += bytesRead;
  }
  return into;
};

const writeAt = async (file: FileHandle, bytes: Uint8Array, offset: number) => {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, Math.min(writeBytesMax, bytes.length - done), offset + done)).bytesWritten;
};
