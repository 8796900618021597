import { AppError } from "../../core/errors.ts";
import { isObject, parseJsonObject } from "../json-object.ts";
import { indexName, shardPattern } from "../weight-files.ts";
import type { StoredTensor } from "./safetensors-header.ts";

/** A file of weights, as its header tells it. */
export interface Shard {
  name: string;
  /** In the order of their data. */
  tensors: readonly StoredTensor[];
}

/** A tensor and the name of the shard that holds it. */
export interface SourceTensor extends StoredTensor {
  shard: string;
}

/** Which shard holds which tensor. */
export type WeightIndex = ReadonlyMap<string, string>;

/** Throws `corrupt`. Names of files other than shards are refused: an index may not lead out of the folder. */
export const parseWeightIndex = (bytes: Uint8Array): WeightIndex => {
  const { weight_map: weightMap } = parseJsonObject(bytes, indexName);
  if (!isObject(weightMap)) throw new AppError("corrupt", `${indexName} has no weight_map`);
  return new Map(
    Object.entries(weightMap).map(([tensor, shard]) => {
      if (typeof shard !== "string" || !shardPattern.test(shard))
        throw new AppError("corrupt", `${indexName} names a file that is no shard for ${tensor}`);
      return [tensor, shard];
    }),
  );
};

/** The shards that a model is made of, in order: those of the index where there is one, else all of `names`. Throws `unsupported` when there is none. */
export const shardNames = (names: readonly string[], index: WeightIndex | undefined): string[] => {
  const shards = index ? [...new Set(index.values())] : names.filter((name) => shardPattern.test(name));
  if (shards.length === 0) throw new AppError("unsupported", "the repository has no safetensors weights");
  return shards.sort();
};

/** All tensors of `shards`, shard by shard; throws `corrupt` when they are other ones than the index says. */
export const collectTensors = (shards: readonly Shard[], index: WeightIndex | undefined): Map<string, SourceTensor> => {
  const all = new Map<string, SourceTensor>();
  for (const { name: shard, tensors } of shards)
    for (const tensor of tensors) {
      if (all.has(tensor.name)) throw new AppError("corrupt", `two shards hold a tensor ${tensor.name}`);
      if (index && index.get(tensor.name) !== shard)
        throw new AppError("corrupt", `${indexName} does not say that ${shard} holds ${tensor.name}`);
      all.set(tensor.name, { ...tensor, shard });
    }
  for (const [name, shard] of index ?? [])
    if (!all.has(name)) throw new AppError("corrupt", `${shard} does not hold ${name}, as ${indexName} says`);
  return all;
};
