import type { WeightIndex } from "../convert/checkpoint/collect-tensors.ts";
import { lengthBytes, parseSafetensorsHeader } from "../convert/checkpoint/safetensors-header.ts";
import type { ConversionPlan } from "../convert/plan-conversion.ts";
import type { FloatType } from "../convert/quantizations.ts";
import { checkConvertible } from "./check-convertible.ts";
import type { ModelFetch, Target } from "./fetch-file.ts";
import { fetchHeaders } from "./fetch-header.ts";
import type { PullPlan } from "./pull-plan.ts";

/** The GGUF of floats, with all that is known of it before a weight is here. */
export interface Floats {
  sizeBytes: number;
  /** What each shard begins with, by its name. */
  headers: ReadonlyMap<string, Uint8Array>;
  /** Bytes of the file that each shard becomes, by its name. */
  bytesByShard: ReadonlyMap<string, number>;
}

/**
 * Lays the file out by what all shards begin with. Throws `unsupported` naming a tensor that cannot be converted, `corrupt` for headers that
 * cannot be right: all of it before a shard is downloaded.
 */
export const describeFloats = async (
  { context }: ModelFetch,
  { repository }: PullPlan,
  {
    plan,
    type,
    targets,
    index,
  }: { plan: ConversionPlan; type: FloatType; targets: readonly Target[]; index?: WeightIndex },
): Promise<Floats> => {
  const { bytesByShard, planModel, tensorShapes } = await import("../convert/plan-model.ts");
  const { encodeGgufHeader } = await import("../gguf/encode-header.ts");
  const metadata = await checkConvertible(context, repository, () => plan.metadata(type, repository.name));
  const headers = await fetchHeaders(context, targets);
  return await checkConvertible(context, repository, () => {
    const shards = targets.map(({ file: { path: name }, sizeBytes }) => {
      const json = (headers.get(name) ?? new Uint8Array()).subarray(lengthBytes);
      return { name, tensors: parseSafetensorsHeader(json, sizeBytes, name) };
    });
    const model = planModel(plan, type, { shards, index });
    const { sizeBytes } = encodeGgufHeader(metadata, tensorShapes(model));
    return { sizeBytes, headers, bytesByShard: bytesByShard(model) };
  });
};
