/** Element types of a KV cache, by ggml's names. */
export const kvCacheTypes = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"] as const;
export type KvCacheType = (typeof kvCacheTypes)[number];
