/** Weights in one file, or in shards that an index lists. */
export const shardPattern = /^model(?:-\d{5}-of-\d{5})?\.safetensors$/;
export const indexName = "model.safetensors.index.json";
