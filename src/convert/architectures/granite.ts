import { float32, uint32 } from "../gguf-values.ts";
import type { ModelConfig } from "../model-config.ts";
import type { Architecture } from "./architecture.ts";
import { llamaNames } from "./layer-names.ts";
import { llamaTokenizer, llamaValues } from "./llama.ts";
import { llama3RopeFactors } from "./rope-factors.ts";

/** Granite 3.x: a Llama with four scales. */
export const granite: Architecture = {
  name: "granite",
  sources: ["GraniteForCausalLM"],
  layerNames: llamaNames,
  permutesQueries: true,
  values: (config) => ({
    ...llamaValues(config),
    "rope.dimension_count": uint32(Math.floor(config.count("hidden_size") / config.heads)), // its head_dim is not looked at
    "attention.scale": scale(config, "attention_multiplier"),
    embedding_scale: scale(config, "embedding_multiplier"),
    residual_scale: scale(config, "residual_multiplier"),
    logit_scale: scale(config, "logits_scaling"),
  }),
  extraTensors: llama3RopeFactors,
  tokenizer: llamaTokenizer,
};

const scale = (config: ModelConfig, key: string) => {
  const value = config.findNumber(key);
  return value ? float32(value) : undefined;
};
