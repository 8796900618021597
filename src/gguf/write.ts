import { open } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import { encodeGgufHeader, type GgufLayout } from "./encode-header.ts";
import type { GgufTensor } from "./header.ts";
import type { GgufMetadata } from "./value.ts";

/** A tensor whose bytes are produced when its turn comes; together the chunks have exactly its size. */
export interface GgufTensorData extends Pick<GgufTensor, "name" | "type" | "dims"> {
  data: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface GgufContent {
  metadata: GgufMetadata;
  tensors: readonly GgufTensorData[];
}

/** Takes the file's bytes in order; a chunk may be reused after the promise is settled. */
export interface ByteSink {
  write(chunk: Uint8Array): void | Promise<void>;
}

/**
 * Writes a GGUF file (version 3) front to back: same content, same bytes; memory use is one chunk. A path is created or overwritten,
 * and neither synced nor removed after an error: whoever publishes the file does that.
 * Throws `internal` when a tensor's chunks are not as long as its shape says, RangeError for values that their type cannot hold,
 * `signal`'s reason when it is aborted.
 */
export const writeGguf = async (
  target: string | ByteSink,
  content: GgufContent,
  { signal }: { signal?: AbortSignal } = {},
): Promise<GgufLayout> => {
  const layout = encodeGgufHeader(content.metadata, content.tensors);
  if (typeof target !== "string") {
    await writeAll(target, layout, content.tensors, signal);
    return layout;
  }
  const file = await open(target, "w");
  try {
    const write = async (chunk: Uint8Array) => {
      for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten;
    };
    await writeAll({ write }, layout, content.tensors, signal);
  } finally {
    await file.close();
  }
  return layout;
};

const writeAll = async (
  sink: ByteSink,
  layout: GgufLayout,
  tensors: readonly GgufTensorData[],
  signal: AbortSignal | undefined,
) => {
  await sink.write(layout.header);
  for (const [index, { name, data }] of tensors.entries()) {
    const sizeBytes = layout.tensors[index]?.sizeBytes ?? 0;
    let written = 0;
    for await (const chunk of data()) {
      signal?.throwIfAborted();
      written += chunk.length;
      if (written > sizeBytes) break;
      await sink.write(chunk);
    }
    if (written !== sizeBytes)
      throw new AppError("internal", `tensor ${name} has ${written} bytes of data, its shape says ${sizeBytes}`);
    const padding = (layout.alignment - (sizeBytes % layout.alignment)) % layout.alignment;
    if (padding > 0) await sink.write(new Uint8Array(padding));
  }
};
