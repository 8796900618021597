import { open } from "node:fs/promises";
import { basename } from "node:path";
import { type ByteSource, ByteWindow } from "./byte-window.ts";
import type { GgufHeader } from "./header.ts";
import { ggufLimits } from "./limits.ts";
import { parseHeader } from "./parse-header.ts";

export interface ReadHeaderOptions {
  /** Longer arrays are walked and checked, but their items are not kept; absent = all are kept. 0 is enough for `modelFacts`. */
  arrayItemsMax?: number;
  /** How error messages call the source; default: the file's name. */
  label?: string;
}

/**
 * Reads and checks the header of a GGUF file, and nothing of its tensor data.
 * Throws `corrupt` with one line that says what is wrong and where; errors of the file system (ENOENT, ...) pass through.
 */
export const readGgufHeader = async (
  source: string | ByteSource,
  options: ReadHeaderOptions = {},
): Promise<GgufHeader> => {
  if (typeof source !== "string") return drive(source, options.label ?? "the model", options);
  const file = await open(source, "r");
  try {
    const { size } = await file.stat();
    const read = async (into: Uint8Array, offset: number) => (await file.read(into, 0, into.length, offset)).bytesRead;
    return await drive({ sizeBytes: size, read }, options.label ?? basename(source), options);
  } finally {
    await file.close();
  }
};

/** Bytes in memory as a source of `readGgufHeader`. */
export const memorySource = (bytes: Uint8Array): ByteSource => ({
  sizeBytes: bytes.length,
  read: (into, offset) => {
    const piece = bytes.subarray(offset, offset + into.length);
    into.set(piece);
    return piece.length;
  },
});

const drive = async (source: ByteSource, label: string, options: ReadHeaderOptions): Promise<GgufHeader> => {
  const window = new ByteWindow(source.sizeBytes, label, ggufLimits.headerBytes);
  const parsing = parseHeader(window, options.arrayItemsMax ?? ggufLimits.arrayItems);
  let step = parsing.next();
  while (!step.done) {
    await window.fill(source, step.value);
    step = parsing.next();
  }
  return step.value;
};
