import type { Architecture } from "./architecture.ts";
import { headLengths } from "./common-values.ts";
import { llamaNames } from "./layer-names.ts";
import { llamaTokenizer, llamaValues } from "./llama.ts";
import { llama3RopeFactors } from "./rope-factors.ts";

/** Like Llama; llama.cpp itself knows that every fourth layer has no rotary position. */
export const smolLm3: Architecture = {
  name: "smollm3",
  sources: ["SmolLM3ForCausalLM"],
  layerNames: llamaNames,
  permutesQueries: true,
  values: (config) => {
    const head = config.findCount("head_dim");
    return { ...llamaValues(config), ...(head === undefined ? {} : headLengths(head)) };
  },
  extraTensors: llama3RopeFactors,
  tokenizer: llamaTokenizer,
};
