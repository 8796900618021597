import type { Architecture } from "./architecture.ts";
import { commonValues, headLengths } from "./common-values.ts";
import { headNormNames, llamaNames } from "./layer-names.ts";

/** What transformers' Qwen3Config takes where config.json does not say. */
const qwen3HeadDefault = 128;

export const qwen3: Architecture = {
  name: "qwen3",
  sources: ["Qwen3ForCausalLM"],
  layerNames: { ...llamaNames, ...headNormNames },
  values: (config) => ({ ...commonValues(config), ...headLengths(config.findCount("head_dim") ?? qwen3HeadDefault) }),
  tokenizer: { kind: "sentencepiece" },
};
