import type { WeightIndex } from "../convert/checkpoint/collect-tensors.ts";
import type { Weights } from "../convert/checkpoint/read-shards.ts";
import { lengthBytes, parseSafetensorsHeader } from "../convert/checkpoint/safetensors-header.ts";
import type { ConversionPlan, FilePlan } from "../convert/plan-conversion.ts";
import type { FloatType } from "../convert/quantizations.ts";
import { AppError } from "../core/errors.ts";
import type { GgufMetadata } from "../gguf/value.ts";
import { checkConvertible } from "./check-convertible.ts";
import { projectorFile } from "./conversion-steps.ts";
import type { ModelFetch, Target } from "./fetch-file.ts";
import { fetchHeaders } from "./fetch-header.ts";
import { type Encoders, orLeftOut } from "./plan-encoders.ts";
import type { PullPlan } from "./pull-plan.ts";

/** The files of floats, with all that is known of them before a weight is here. */
export interface Floats {
  /** What each shard begins with, by its name. */
  headers: ReadonlyMap<string, Uint8Array>;
  model: FloatLayout;
  projector?: FloatLayout;
  /** Why there is none of what the model sees with. */
  leftOut?: string;
}

export interface FloatLayout {
  sizeBytes: number;
  /** Bytes of the file that each shard becomes, by its name. */
  bytesByShard: ReadonlyMap<string, number>;
}

export interface FloatSources {
  plan: ConversionPlan;
  encoders: Encoders;
  /** Of the language model. */
  type: FloatType;
  targets: readonly Target[];
  index?: WeightIndex;
}

/**
 * Lays the files out by what all shards begin with. Throws `unsupported` naming a tensor of the language model that cannot be converted,
 * `corrupt` for headers that cannot be right: all of it before a shard is downloaded.
 */
export const describeFloats = async (
  { context }: ModelFetch,
  { repository }: PullPlan,
  { plan, encoders, type, targets, index }: FloatSources,
): Promise<Floats> => {
  const { bytesByShard, planModel, tensorShapes } = await import("../convert/plan-model.ts");
  const { encodeGgufHeader } = await import("../gguf/encode-header.ts");
  const { name } = repository;
  const metadata = await checkConvertible(context, repository, () => plan.metadata(type, name));
  const headers = await fetchHeaders(context, targets);
  const lay = (of: FilePlan, keys: GgufMetadata, as: FloatType, weights: Weights): FloatLayout => {
    const model = planModel(of, as, weights);
    return { sizeBytes: encodeGgufHeader(keys, tensorShapes(model)).sizeBytes, bytesByShard: bytesByShard(model) };
  };
  return await checkConvertible(context, repository, () => {
    const weights = { shards: readHeaders(targets, headers), index };
    const model = lay(plan, metadata, type, weights);
    const { projector } = encoders;
    const as = projectorFile.type;
    return {
      ...{ headers, model },
      ...orLeftOut(() => (projector ? seeing(lay(projector, projector.metadata(as, name), as, weights)) : {})),
    };
  });
};

const readHeaders = (targets: readonly Target[], headers: ReadonlyMap<string, Uint8Array>) =>
  targets.map(({ file: { path: name }, sizeBytes }) => {
    const json = (headers.get(name) ?? new Uint8Array()).subarray(lengthBytes);
    return { name, tensors: parseSafetensorsHeader(json, sizeBytes, name) };
  });

/** A config.json may tell of an encoder that a finetune of the text part alone has left out. */
const seeing = (projector: FloatLayout) => {
  if (projector.bytesByShard.size > 0) return { projector };
  throw new AppError("unsupported", "the repository has no weights of an encoder");
};
