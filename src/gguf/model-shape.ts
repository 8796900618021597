import type { GgufHeader } from "./header.ts";
import { findNumber } from "./value.ts";

/** What decides how much memory a model takes, from its header: an upper bound for models with plain attention. */
export interface ModelShape {
  /** Of the whole file. */
  sizeBytes: number;
  /** Keys and values of one token in all layers. Layers that remember less than others count like them. */
  kvElementsPerToken: number;
  /** Elements of the widest vector that a step computes with in every layer. */
  widest: number;
  /** Tokens in the vocabulary. */
  vocabulary: number;
}

/** Arrays need not have been kept (`arrayItemsMax: 0`). */
export const modelShape = ({ metadata, sizeBytes }: GgufHeader): ModelShape => {
  const architecture = metadata.get("general.architecture");
  const prefix = architecture?.type === "string" ? architecture.value : "unknown";
  const find = (key: string) => findNumber(metadata, `${prefix}.${key}`);
  const embedding = find("embedding_length") ?? 0;
  const heads = Math.max(1, find("attention.head_count") ?? 1);
  const kvHeads = find("attention.head_count_kv") ?? heads;
  const headLength = embedding / heads;
  const perHead = (find("attention.key_length") ?? headLength) + (find("attention.value_length") ?? headLength);
  const tokens = metadata.get("tokenizer.ggml.tokens");
  return {
    sizeBytes,
    kvElementsPerToken: Math.ceil((find("block_count") ?? 0) * kvHeads * perHead),
    widest: Math.max(embedding, find("feed_forward_length") ?? 0),
    vocabulary: tokens?.type === "array" ? tokens.length : 0,
  };
};
