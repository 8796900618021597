import { AppError } from "../../core/errors.ts";
import { float32, uint32 } from "../gguf-values.ts";
import type { ModelConfig } from "../model-config.ts";
import type { Architecture } from "./architecture.ts";
import { commonValues, globalRope, headLengths } from "./common-values.ts";
import { headNormNames, sandwichNames } from "./layer-names.ts";

/** Published configs leave out much; these are the values of transformers' Gemma3TextConfig. */
const defaults = {
  max_position_embeddings: 131_072,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  rms_norm_eps: 1e-6,
  sliding_window: 4096,
  vocab_size: 262_208,
} as const;

const thetaDefault = 1_000_000;
const localThetaDefault = 10_000;

/** The text part of Gemma 3. */
export const gemma3: Architecture = {
  name: "gemma3",
  sources: ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"],
  layerNames: { ...sandwichNames, ...headNormNames },
  shiftsNorms: true,
  defaults,
  values: (config) => gemma3Values(config),
  tokenizer: { kind: "sentencepiece", addSpacePrefix: false },
};

const gemma3Values = (config: ModelConfig) => {
  if (config.has("attn_logit_softcapping"))
    throw new AppError("unsupported", "a Gemma 3 with attn_logit_softcapping is not converted");
  const softcap = config.findNumber("final_logit_softcapping");
  const local = config.rope.findPart("sliding_attention")?.findNumber("rope_theta") ?? localThetaDefault;
  return {
    ...commonValues(config),
    ...headLengths(config.count("head_dim")),
    "rope.freq_base": float32(globalRope(config).findNumber("rope_theta") ?? thetaDefault),
    "rope.freq_base_swa": float32(local),
    final_logit_softcapping: softcap ? float32(softcap) : undefined,
    "attention.sliding_window":
      config.find("sliding_window_pattern") === 1 ? undefined : uint32(config.count("sliding_window")),
  };
};
