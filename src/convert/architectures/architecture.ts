import type { GgufValue } from "../../gguf/value.ts";
import type { JsonObject } from "../json-object.ts";
import type { ModelConfig } from "../model-config.ts";

/** A tensor that is computed out of config.json; F32. */
export interface ExtraTensor {
  name: string;
  values: Float32Array;
}

/** How a family of models becomes GGUF. One file each; names, values and rules as in llama.cpp's `conversion/`. */
export interface Architecture {
  /** `general.architecture`. */
  name: string;
  /** What stands in `architectures` of config.json. */
  sources: readonly string[];
  /** Tensors of a layer: the name after `model.layers.N.` -> the name after `blk.N.`; `*` stands for an expert's number. */
  layerNames: LayerNames;
  /** Tensors of the source that llama.cpp has no use for. */
  leftOut?: readonly string[];
  /** Whether the rows of q and k are in transformers' order of rotary halves, where llama.cpp wants pairs. */
  permutesQueries?: boolean;
  /** Whether norms are stored as their distance from one. */
  shiftsNorms?: boolean;
  /** What config.json may leave out because transformers' class of the family has it. */
  defaults?: JsonObject;
  /** Keys without their prefix, e.g. `attention.head_count`. */
  values: (config: ModelConfig) => Record<string, GgufValue | undefined>;
  extraTensors?: (config: ModelConfig) => ExtraTensor[];
  tokenizer: TokenizerRules;
}

/** Two names: the rows of the source are both, one half after the other. */
export type LayerNames = Readonly<Record<string, string | readonly [string, string]>>;

export interface TokenizerRules {
  /** `tokenizer.model` is used where it is there (`sentencepiece`), or tokenizer.json alone (`bpe`). */
  kind: "sentencepiece" | "bpe";
  /** Always written, as by llama.cpp's converter. */
  addSpacePrefix?: boolean;
  /** Whether `add_prefix_space` of tokenizer_config.json is written. */
  readsSpacePrefix?: boolean;
  /** Special tokens that the family has by the size of its vocabulary: codes of CodeLlama, no bos for Granite's code models. */
  byVocabularySize?: Readonly<Record<number, Record<string, GgufValue>>>;
  /** Phi-3: tokens that tokenizer.json adds replace those of tokenizer.model, and all others that are added are user-defined. */
  addsFromTokenizerJson?: boolean;
}
