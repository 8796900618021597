import type { Architecture } from "./architecture.ts";
import { commonValues } from "./common-values.ts";
import { llamaNames } from "./layer-names.ts";

/** Qwen 1.5, 2 and 2.5, and the distills into them. */
export const qwen2: Architecture = {
  name: "qwen2",
  sources: ["Qwen2ForCausalLM"],
  layerNames: llamaNames,
  values: commonValues,
  tokenizer: { kind: "sentencepiece" },
};
