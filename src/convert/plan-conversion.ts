import { AppError } from "../core/errors.ts";
import type { GgufMetadata, GgufValue } from "../gguf/value.ts";
import type { Architecture, ExtraTensor } from "./architectures/architecture.ts";
import { findArchitecture } from "./architectures/find-architecture.ts";
import type { FloatType, StoredTensor } from "./checkpoint/safetensors-header.ts";
import { generalValues } from "./general-values.ts";
import { findJsonFile, parseJsonObject } from "./json-object.ts";
import { ModelConfig } from "./model-config.ts";
import { samplingValues } from "./sampling-values.ts";
import { planTensors } from "./tensors/plan-tensors.ts";
import type { TensorPlan } from "./tensors/tensor-plan.ts";
import { tokenizerValues } from "./tokenizer/tokenizer-values.ts";
import { indexName, shardPattern } from "./weight-files.ts";

/** What a GGUF file is made of. */
export interface FilePlan {
  /** All its keys; of a language model with its vocabulary, which takes a second. Throws `unsupported` for a tokenizer that llama.cpp does not know. */
  metadata: (type: FloatType, name: string) => GgufMetadata;
  /** Tensors that are computed out of config.json; they come first in the file. */
  extraTensors: readonly ExtraTensor[];
  /** What each further tensor is made of. Throws `unsupported` naming a tensor, `corrupt` where shapes do not fit. */
  planTensors: (type: FloatType, sources: readonly Pick<StoredTensor, "name" | "shape">[]) => TensorPlan[];
}

/** What the small files of a repository say about the conversion of its language model. */
export interface ConversionPlan extends FilePlan {
  /** llama.cpp's name, as it stands in `general.architecture`. */
  architecture: string;
  /** The name in config.json, e.g. `LlamaForCausalLM`. */
  sourceArchitecture: string;
  /** Whether the repository also has encoders of pictures or sounds; see `planProjector`. */
  hasEncoders: boolean;
}

const metadataPattern =
  /^(?:config|generation_config|tokenizer|tokenizer_config|added_tokens|chat_template|preprocessor_config|processor_config)\.json$|^tokenizer\.model$|^chat_template\.jinja$|^additional_chat_templates\/[^/]+\.jinja$/;

/** Names of the small files of a repository that `planConversion` and `planProjector` want, out of its file list. */
export const metadataFiles = (names: readonly string[]): string[] => names.filter((name) => metadataPattern.test(name));

/** Names of the weight files (shards) of a repository out of its file list, with their index where there is one, in order. */
export const weightFiles = (names: readonly string[]): string[] =>
  names.filter((name) => shardPattern.test(name) || name === indexName).sort();

/**
 * What the small files of a repository say; pure. Throws `unsupported` naming the architecture, `corrupt` with the field; of the tokenizer only
 * once `metadata` is asked for.
 * Needs config.json and the tokenizer's files only, so that it can be asked before the weights are downloaded.
 */
export const planConversion = (files: ReadonlyMap<string, Uint8Array>): ConversionPlan => {
  const bytes = files.get("config.json");
  if (bytes === undefined) throw new AppError("unsupported", "the repository has no config.json");
  const json = parseJsonObject(bytes, "config.json");
  const given = new ModelConfig(json);
  const architecture = findArchitecture(given.architecture);
  if (architecture === undefined)
    throw new AppError("unsupported", `models of the architecture ${given.architecture} are not converted`);
  const config = architecture.defaults ? given.withDefaults(architecture.defaults) : given;
  if (config.has("quantization_config"))
    throw new AppError(
      "unsupported",
      "the weights are quantized (quantization_config); only BF16, F16 and F32 are converted",
    );
  const sampling = samplingValues(findJsonFile(files, "generation_config.json") ?? {});
  const own = ownValues(architecture, config);
  return {
    architecture: architecture.name,
    sourceArchitecture: config.architecture,
    hasEncoders: config.hasEncoders,
    metadata: (type, name) =>
      new Map([
        ...generalValues(architecture.name, "model", name, type),
        ...Object.entries(sampling),
        ...own,
        ...Object.entries(tokenizerValues(files, json, config.findCount("vocab_size"), architecture.tokenizer)),
      ]),
    extraTensors: architecture.extraTensors?.(config) ?? [],
    planTensors: (type, sources) => planTensors(architecture, config, type, sources),
  };
};

const ownValues = ({ name, values }: Architecture, config: ModelConfig): [string, GgufValue][] =>
  Object.entries(values(config)).flatMap(([key, value]) => (value === undefined ? [] : [[`${name}.${key}`, value]]));
