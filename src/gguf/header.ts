import type { GgufMetadata } from "./value.ts";

export interface GgufTensor {
  name: string;
  /** ggml's name of the type, e.g. `Q4_K`. */
  type: string;
  /** Elements per dimension, the contiguous one (a row) first, as in the file. */
  dims: readonly number[];
  /** From the start of the data section, in bytes. */
  offset: number;
  sizeBytes: number;
}

/** What stands before the tensor data of a GGUF file. */
export interface GgufHeader {
  version: number;
  metadata: GgufMetadata;
  tensors: readonly GgufTensor[];
  /** Every tensor starts at a multiple of this many bytes within the data section. */
  alignment: number;
  /** Where the data section starts in the file, in bytes. */
  dataOffset: number;
  /** Of the whole file, in bytes. */
  sizeBytes: number;
}
