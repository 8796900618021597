import type { Architecture } from "./architecture.ts";
import { headLengths } from "./common-values.ts";
import { attentionNames } from "./layer-names.ts";
import { llama, llamaValues } from "./llama.ts";

/** A Llama with experts, under the names of Mistral's own code. */
export const mixtral: Architecture = {
  ...llama,
  sources: ["MixtralForCausalLM"],
  layerNames: {
    ...attentionNames,
    post_attention_layernorm: "ffn_norm",
    "block_sparse_moe.gate": "ffn_gate_inp",
    "block_sparse_moe.experts.*.w1": "ffn_gate_exps",
    "block_sparse_moe.experts.*.w2": "ffn_down_exps",
    "block_sparse_moe.experts.*.w3": "ffn_up_exps",
  },
  values: (config) => {
    const head = config.findCount("head_dim"); // transformers' class of the family leaves it out where config.json does
    return { ...llamaValues(config), ...(head === undefined ? {} : headLengths(head)) };
  },
};
