import type { Architecture } from "./architecture.ts";
import { commonValues, expertLengths } from "./common-values.ts";
import { expertNames, llamaNames } from "./layer-names.ts";

export const qwen2Moe: Architecture = {
  name: "qwen2moe",
  sources: ["Qwen2MoeForCausalLM"],
  layerNames: {
    ...llamaNames,
    ...expertNames,
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
  },
  values: (config) => ({ ...commonValues(config), ...expertLengths(config) }),
  tokenizer: { kind: "bpe" },
};
