import { AppError } from "../core/errors.ts";
import type { GgufHeader, GgufTensor } from "../gguf/header.ts";
import type { ExtraTensor } from "./architectures/architecture.ts";
import { collectTensors, type SourceTensor } from "./checkpoint/collect-tensors.ts";
import type { Weights } from "./checkpoint/read-shards.ts";
import { floatTypes } from "./checkpoint/safetensors-header.ts";
import type { FilePlan } from "./plan-conversion.ts";
import type { FloatType } from "./quantizations.ts";
import { type Block, planBlocks } from "./tensors/plan-blocks.ts";
import type { TensorPlan } from "./tensors/tensor-plan.ts";

/** All tensors of the GGUF file, and what each is made of. */
export interface ModelPlan {
  /** They come first in the file. */
  extras: readonly ExtraTensor[];
  tensors: readonly TensorPlan[];
  sources: ReadonlyMap<string, SourceTensor>;
}

/** Out of headers alone, so that it can be asked before a weight is here; pure. Throws as `planTensors` and `collectTensors` do. */
export const planModel = (plan: FilePlan, type: FloatType, { shards, index }: Weights): ModelPlan => {
  const sources = collectTensors(shards, index);
  return { extras: plan.extraTensors, tensors: plan.planTensors(type, [...sources.values()]), sources };
};

/** The tensors as the header of the file names them. */
export const tensorShapes = ({ extras, tensors }: ModelPlan): Pick<GgufTensor, "name" | "type" | "dims">[] => [
  ...extras.map(({ name, values }) => ({ name, type: "F32", dims: [values.length] })),
  // GGUF counts the contiguous dimension first.
  ...tensors.map(({ name, type, shape }) => ({ name, type, dims: [...shape].reverse() })),
];

/**
 * What is to be done for the tensors of one shard; pure. Every slice has a place of its own in the file, so that a shard needs no other one,
 * not even for tensors that are stacked from many shards.
 */
export function* blocksOf(
  { extras, tensors, sources }: ModelPlan,
  layout: Pick<GgufHeader, "tensors" | "dataOffset">,
  shard: string,
): Generator<Block<SourceTensor>> {
  for (const [index, plan] of tensors.entries()) {
    const offset = layout.tensors[extras.length + index]?.offset ?? 0;
    yield* planBlocks(plan, sources, layout.dataOffset + offset, (source) => source.shard === shard);
  }
}

/** Bytes of the file that the tensors of each shard become; pure. */
export const bytesByShard = ({ tensors, sources }: ModelPlan): Map<string, number> => {
  const bytes = new Map<string, number>();
  for (const { type, slices } of tensors)
    for (const { tensor, length } of slices) {
      const shard = sources.get(tensor)?.shard ?? "";
      bytes.set(shard, (bytes.get(shard) ?? 0) + length * floatTypes[type]);
    }
  return bytes;
};

/** Throws `corrupt` unless a file that was begun has the tensors of `model`. */
export const checkBegun = (model: ModelPlan, begun: Pick<GgufHeader, "tensors">): void => {
  const found = begun.tensors.map(({ name, type, dims }) => ({ name, type, dims }));
  if (!Bun.deepEquals(found, tensorShapes(model)))
    throw new AppError("corrupt", "what was converted so far is of another state of the repository");
};
