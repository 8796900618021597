import { flag, uint32 } from "../gguf-values.ts";
import type { ModelConfig } from "../model-config.ts";
import type { Architecture } from "./architecture.ts";
import { commonValues, headLengths } from "./common-values.ts";
import { llamaNames } from "./layer-names.ts";
import { llama3RopeFactors } from "./rope-factors.ts";

/** Values of the families that llama.cpp's converter derives from its LlamaModel. */
export const llamaValues = (config: ModelConfig) => ({
  ...commonValues(config),
  vocab_size: uint32(config.count("vocab_size")),
  "rope.dimension_count": uint32(config.headDimension),
});

export const llamaTokenizer = {
  kind: "sentencepiece",
  readsSpacePrefix: true,
  byVocabularySize: {
    32016: {
      "tokenizer.ggml.prefix_token_id": uint32(32_007),
      "tokenizer.ggml.suffix_token_id": uint32(32_008),
      "tokenizer.ggml.middle_token_id": uint32(32_009),
      "tokenizer.ggml.eot_token_id": uint32(32_010),
    },
    49152: { "tokenizer.ggml.add_bos_token": flag(false) },
  },
} as const;

/** Llama 2 and 3.x, SmolLM2, Mistral and everything distilled into them. */
export const llama: Architecture = {
  name: "llama",
  sources: ["LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM"],
  layerNames: llamaNames,
  permutesQueries: true,
  values: (config) => ({ ...llamaValues(config), ...headLengths(config.headDimension) }),
  extraTensors: llama3RopeFactors,
  tokenizer: llamaTokenizer,
};
