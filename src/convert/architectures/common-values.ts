import { AppError } from "../../core/errors.ts";
import type { GgufValue } from "../../gguf/value.ts";
import { flag, float32, list, text, uint32 } from "../gguf-values.ts";
import type { ModelConfig, ModelConfigPart } from "../model-config.ts";

type Values = Record<string, GgufValue | undefined>;

const counted = (value: number | undefined) => (value === undefined ? undefined : uint32(value));
const measured = (value: number | undefined) => (value === undefined ? undefined : float32(value));

/** What llama.cpp's `TextModel.set_gguf_parameters` writes for every family. */
export const commonValues = (config: ModelConfig): Values => ({
  block_count: uint32(config.layers),
  context_length: uint32(config.count("max_position_embeddings", "n_ctx", "n_positions")),
  embedding_length: uint32(config.count("hidden_size", "n_embd", "dim")),
  feed_forward_length: uint32(config.count("intermediate_size", "n_inner", "hidden_dim")),
  "attention.head_count": uint32(config.heads),
  "attention.head_count_kv": uint32(config.keyValueHeads),
  "attention.causal": config.find("is_causal") === false ? flag(false) : undefined,
  ...ropeValues(globalRope(config)),
  "rope.freq_base_swa": measured(config.rope.findPart("sliding_attention")?.findNumber("rope_theta")),
  "attention.layer_norm_rms_epsilon": float32(config.findNumber("rms_norm_eps", "norm_eps") ?? rmsEpsilonDefault),
  ...expertValues(config),
});

/** What transformers takes where config.json says nothing. */
const rmsEpsilonDefault = 1e-6;

/** Heads of a size that config.json names, or that transformers' class of the family always computes. */
export const headLengths = (length: number): Values => ({
  "attention.key_length": uint32(length),
  "attention.value_length": uint32(length),
});

export const expertLengths = (config: ModelConfig): Values => ({
  expert_feed_forward_length: counted(config.findCount("moe_intermediate_size")),
  expert_shared_feed_forward_length: counted(config.findCount("shared_expert_intermediate_size")),
});

/** The rotary parameters of the layers that attend to everything. */
export const globalRope = (config: ModelConfig): ModelConfigPart =>
  config.rope.findPart("full_attention") ?? config.rope;

/** Scalings of rotary position that need nothing but metadata, or (llama3, longrope) are tensors of the family. */
const ropeValues = (rope: ModelConfigPart): Values => {
  const type = rope.findText("rope_type")?.toLowerCase() ?? "default";
  const scaling = Object.hasOwn(scalings, type) ? scalings[type] : undefined;
  if (scaling === undefined)
    throw new AppError("unsupported", `rotary scaling ${JSON.stringify(type)} is not converted`);
  const sections = rope.findCounts("mrope_section");
  return {
    ...scaling(rope),
    "rope.dimension_sections": sections && list("int32", [...sections, 0, 0, 0, 0].slice(0, ropeSections)),
    "rope.freq_base": float32(rope.findNumber("rope_theta") ?? thetaDefault),
  };
};

/** Time, height, width, and one more that llama.cpp has. */
const ropeSections = 4;

/** What transformers takes where config.json says nothing. */
export const thetaDefault = 10_000;

const scalings: Record<string, (rope: ModelConfigPart) => Values> = {
  default: () => ({}),
  mrope: () => ({}),
  llama3: () => ({}),
  linear: (rope) => ({ "rope.scaling.type": text("linear"), "rope.scaling.factor": float32(factorOf(rope)) }),
  yarn: (rope) => ({
    "rope.scaling.type": text("yarn"),
    "rope.scaling.factor": float32(factorOf(rope)),
    "rope.scaling.original_context_length": uint32(originalContext(rope)),
    "rope.scaling.yarn_ext_factor": measured(rope.findNumber("extrapolation_factor")),
    "rope.scaling.yarn_attn_factor": measured(rope.findNumber("attention_factor", "attn_factor")),
    "rope.scaling.yarn_beta_fast": measured(rope.findNumber("beta_fast")),
    "rope.scaling.yarn_beta_slow": measured(rope.findNumber("beta_slow")),
  }),
  su: () => ({ "rope.scaling.type": text("longrope") }),
  longrope: () => ({ "rope.scaling.type": text("longrope") }),
};

const factorOf = (rope: ModelConfigPart): number => {
  const factor = rope.findNumber("factor");
  if (factor === undefined) throw new AppError("corrupt", "config.json: rotary scaling has no factor");
  return factor;
};

/** Tokens of context before the scaling; throws `corrupt`. */
export const originalContext = (rope: ModelConfigPart): number => {
  const tokens = rope.findCount("original_max_position_embeddings");
  if (tokens === undefined) throw new AppError("corrupt", "config.json has no original_max_position_embeddings");
  return tokens;
};

const expertValues = (config: ModelConfig): Values => ({
  expert_count: counted(config.findCount("num_local_experts", "num_experts", "n_routed_experts")),
  expert_used_count: counted(config.findCount("num_experts_per_tok", "num_experts_per_token", "top_k_experts")),
});
