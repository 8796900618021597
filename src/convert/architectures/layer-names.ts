/** Names that most families share. */
export const attentionNames = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
} as const;

const denseNames = {
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
} as const;

export const llamaNames = { ...attentionNames, ...denseNames, post_attention_layernorm: "ffn_norm" } as const;

export const headNormNames = { "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm" } as const;

/** Experts one by one, or (transformers 5) as one tensor for a layer. */
export const expertNames = {
  "mlp.gate": "ffn_gate_inp",
  "mlp.experts.*.gate_proj": "ffn_gate_exps",
  "mlp.experts.*.up_proj": "ffn_up_exps",
  "mlp.experts.*.down_proj": "ffn_down_exps",
  "mlp.experts.gate_up_proj": ["ffn_gate_exps", "ffn_up_exps"],
  "mlp.experts.down_proj": "ffn_down_exps",
} as const;

/** A norm before and one after each of attention and feed-forward. */
export const sandwichNames = {
  ...attentionNames,
  ...denseNames,
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
} as const;
