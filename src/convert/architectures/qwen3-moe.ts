import type { Architecture } from "./architecture.ts";
import { commonValues, expertLengths, headLengths } from "./common-values.ts";
import { expertNames, headNormNames, llamaNames } from "./layer-names.ts";

export const qwen3Moe: Architecture = {
  name: "qwen3moe",
  sources: ["Qwen3MoeForCausalLM"],
  layerNames: { ...llamaNames, ...headNormNames, ...expertNames },
  values: (config) => {
    const head = config.findCount("head_dim");
    return { ...commonValues(config), ...expertLengths(config), ...(head === undefined ? {} : headLengths(head)) };
  },
  tokenizer: { kind: "bpe" },
};
