import { AppError } from "../../core/errors.ts";
import { float32, uint32 } from "../gguf-values.ts";
import type { ModelConfig } from "../model-config.ts";
import type { Architecture, ExtraTensor } from "./architecture.ts";
import { originalContext } from "./common-values.ts";
import { attentionNames } from "./layer-names.ts";

/** Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: q, k and v are one tensor, gate and up another. */
export const phi3: Architecture = {
  name: "phi3",
  sources: ["Phi3ForCausalLM"],
  layerNames: {
    ...attentionNames,
    "self_attn.qkv_proj": "attn_qkv",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    post_attention_layernorm: "ffn_norm",
  },
  values: (config) => ({
    context_length: uint32(config.count("max_position_embeddings", "n_positions")),
    "rope.scaling.original_context_length": uint32(contextBeforeScaling(config)),
    embedding_length: uint32(config.count("hidden_size")),
    feed_forward_length: uint32(config.count("intermediate_size")),
    block_count: uint32(config.layers),
    "attention.head_count": uint32(config.heads),
    "attention.head_count_kv": uint32(config.keyValueHeads),
    "attention.layer_norm_rms_epsilon": float32(config.number("rms_norm_eps")),
    "rope.dimension_count": uint32(rotaryDimensions(config)),
    "rope.freq_base": float32(config.rope.findNumber("rope_theta") ?? 10_000),
    // zero tells a Phi-4 from the other models of the family
    "attention.sliding_window": uint32(config.findCount("sliding_window") ?? 0),
    "rope.scaling.attn_factor": attentionFactor(config),
  }),
  extraTensors: (config) => longRopeFactors(config),
  tokenizer: { kind: "sentencepiece", addsFromTokenizerJson: true },
};

const rotaryDimensions = (config: ModelConfig): number => {
  const share = config.rope.findNumber("partial_rotary_factor") ?? 1;
  if (share < 0 || share > 1) throw new AppError("corrupt", `config.json: partial_rotary_factor is ${share}`);
  return Math.floor(Math.trunc(share * config.count("hidden_size")) / config.heads);
};

/** transformers takes the present context where config.json does not name an earlier one. */
const contextBeforeScaling = (config: ModelConfig): number =>
  config.rope.find("original_max_position_embeddings") === undefined
    ? config.count("max_position_embeddings")
    : originalContext(config.rope);

/** By the type of scaling, for a context that is longer than that of training by `scale`. */
const attentionFactors: Record<string, (scale: number, original: number) => number> = {
  su: (scale, original) => Math.sqrt(1 + Math.log(scale) / Math.log(original)),
  longrope: (scale, original) => Math.sqrt(1 + Math.log(scale) / Math.log(original)),
  yarn: (scale) => 0.1 * Math.log(scale) + 1,
};

const attentionFactor = (config: ModelConfig) => {
  if (!config.rope.findNumbers("long_factor")?.length) return undefined;
  const type = config.rope.findText("rope_type")?.toLowerCase() ?? "";
  const factorOf = Object.hasOwn(attentionFactors, type) ? attentionFactors[type] : undefined;
  if (factorOf === undefined)
    throw new AppError("unsupported", `rotary scaling ${JSON.stringify(type)} is not converted`);
  const original = contextBeforeScaling(config);
  const scale = config.count("max_position_embeddings", "n_positions") / original;
  return float32(scale > 1 ? factorOf(scale, original) : 1);
};

const longRopeFactors = (config: ModelConfig): ExtraTensor[] => {
  const long = config.rope.findNumbers("long_factor") ?? [];
  if (long.length === 0) return [];
  const short = config.rope.findNumbers("short_factor") ?? [];
  const expected = rotaryDimensions(config) / 2;
  if (long.length !== expected || short.length !== expected)
    throw new AppError("corrupt", `config.json: long_factor and short_factor have not ${expected} numbers each`);
  return [
    { name: "rope_factors_long.weight", values: Float32Array.from(long) },
    { name: "rope_factors_short.weight", values: Float32Array.from(short) },
  ];
};
