import type { GgufValue } from "../../gguf/value.ts";
import type { FloatType } from "../checkpoint/safetensors-header.ts";
import type { ModelConfigPart } from "../model-config.ts";

/** What the small files of a repository say of its encoder of pictures. */
export interface VisionConfig {
  /** `vision_config` of config.json. */
  encoder: ModelConfigPart;
  /** preprocessor_config.json and processor_config.json. */
  preprocessor: ModelConfigPart;
}

/** The sizes that llama.cpp wants of every encoder. */
export interface VisionSizes {
  /** Pixels of a side. */
  image: number;
  patch: number;
  width: number;
  feedForward: number;
  layers: number;
  heads: number;
}

/**
 * How a family's encoder of pictures becomes what llama.cpp calls a multimodal projector: a GGUF file of its own. One file each; names,
 * values and rules as in llama.cpp's `conversion/`.
 */
export interface Projector {
  /** `clip.projector_type`. */
  name: string;
  /** What stands in `architectures` of config.json. */
  sources: readonly string[];
  /** Names of the tensors that belong to it. */
  tensors: RegExp;
  /** Those of them that llama.cpp has no use for. */
  leftOut?: RegExp;
  /** Whole names, with or without `.weight` and `.bias`. */
  names: PlaceNames;
  /** What stands before a layer's number. */
  layerPrefix: string;
  /** The name after the layer's number -> the name after `v.blk.N.`. */
  layerNames: PlaceNames;
  /** Tensors of a type that hangs on nothing, by their name in the source. */
  types?: readonly (readonly [RegExp, FloatType])[];
  /** Norms that are stored as their distance from one. */
  shiftsNorms?: RegExp;
  sizes: (config: VisionConfig) => VisionSizes;
  /** The family's own keys. */
  values: (config: VisionConfig) => Record<string, GgufValue | undefined>;
}

export type PlaceNames = Readonly<Record<string, string | CutPlace>>;

/** A tensor that becomes several: equal parts along a dimension. */
export interface CutPlace {
  axis: number;
  names: readonly string[];
  /** Whether that dimension has one entry for each part, and goes. */
  drops?: boolean;
}
