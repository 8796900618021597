import type { KvCacheType } from "../core/kv-cache-type.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import { findNumber } from "../gguf/value.ts";

/** What a model takes in memory, from its header: an upper bound for models with plain attention. */
export interface MemoryNeed {
  /** Size of the file. It is mapped, so the system can drop parts of it, at the price of speed. */
  weightsBytes: number;
  /** KV cache of one token of one slot. */
  kvBytesPerToken: number;
  /** Buffers of one step, and the process itself. */
  computeBytes: number;
}

/** Bytes of one element, block scales included. */
const elementBytes: Readonly<Record<KvCacheType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

const batchTokens = 512; // as the native loop's context is made
const processBytes = 100_000_000;
const activationsPerToken = 24; // vectors of the widest layer that a step keeps at once, generously

/** Reads the need out of a header; arrays need not have been kept. Layers that remember less than others count like them. */
export const memoryNeed = ({ metadata, sizeBytes }: GgufHeader, kvCacheType: KvCacheType = "f16"): MemoryNeed => {
  const architecture = metadata.get("general.architecture");
  const prefix = architecture?.type === "string" ? architecture.value : "unknown";
  const find = (key: string) => findNumber(metadata, `${prefix}.${key}`);
  const embedding = find("embedding_length") ?? 0;
  const heads = Math.max(1, find("attention.head_count") ?? 1);
  const kvHeads = find("attention.head_count_kv") ?? heads;
  const headLength = embedding / heads;
  const perHead = (find("attention.key_length") ?? headLength) + (find("attention.value_length") ?? headLength);
  const vocabulary = metadata.get("tokenizer.ggml.tokens");
  const tokens = vocabulary?.type === "array" ? vocabulary.length : 0;
  const widest = Math.max(embedding, find("feed_forward_length") ?? 0);
  return {
    weightsBytes: sizeBytes,
    kvBytesPerToken: (find("block_count") ?? 0) * kvHeads * perHead * elementBytes[kvCacheType],
    computeBytes: processBytes + 4 * (batchTokens * widest * activationsPerToken + tokens * batchTokens),
  };
};

/** Reads the header of the file at `path`. Throws `corrupt`, or an error of the file system. */
export const readMemoryNeed = async (path: string, kvCacheType?: KvCacheType): Promise<MemoryNeed> =>
  memoryNeed(await readGgufHeader(path, { arrayItemsMax: 0 }), kvCacheType);
