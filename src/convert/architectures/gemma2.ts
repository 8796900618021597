import { float32, uint32 } from "../gguf-values.ts";
import type { Architecture } from "./architecture.ts";
import { headLengths } from "./common-values.ts";
import { sandwichNames } from "./layer-names.ts";

export const gemma2: Architecture = {
  name: "gemma2",
  sources: ["Gemma2ForCausalLM"],
  layerNames: sandwichNames,
  leftOut: ["lm_head.weight"], // always tied
  shiftsNorms: true,
  values: (config) => ({
    context_length: uint32(config.count("max_position_embeddings")),
    embedding_length: uint32(config.count("hidden_size")),
    block_count: uint32(config.layers),
    feed_forward_length: uint32(config.count("intermediate_size")),
    "attention.head_count": uint32(config.heads),
    "attention.head_count_kv": uint32(config.keyValueHeads),
    "attention.layer_norm_rms_epsilon": float32(config.number("rms_norm_eps")),
    ...headLengths(config.count("head_dim")),
    attn_logit_softcapping: float32(config.number("attn_logit_softcapping")),
    final_logit_softcapping: float32(config.number("final_logit_softcapping")),
    "attention.sliding_window": uint32(config.count("sliding_window")),
  }),
  tokenizer: { kind: "sentencepiece", addSpacePrefix: false },
};
