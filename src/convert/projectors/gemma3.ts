import { AppError } from "../../core/errors.ts";
import { flag, float32, uint32 } from "../gguf-values.ts";
import type { Projector, VisionConfig } from "./projector.ts";

/** Values of transformers' SiglipVisionConfig for what config.json leaves out. */
const sizes = ({ encoder }: VisionConfig) => ({
  image: encoder.findCount("image_size") ?? 224,
  patch: encoder.findCount("patch_size") ?? 16,
  width: encoder.findCount("hidden_size") ?? 768,
  feedForward: encoder.findCount("intermediate_size") ?? 3072,
  layers: encoder.findCount("num_hidden_layers") ?? 12,
  heads: encoder.findCount("num_attention_heads") ?? 12,
});

/** SigLIP, whose patches Gemma 3 averages before it projects them. */
export const gemma3: Projector = {
  name: "gemma3",
  sources: ["Gemma3ForConditionalGeneration"],
  tensors: /^(?:multi_modal_projector|vision_tower)\./,
  leftOut: /\.vision_model\.head\./,
  names: {
    "vision_tower.vision_model.embeddings.patch_embedding": "v.patch_embd",
    "vision_tower.vision_model.embeddings.position_embedding": "v.position_embd",
    "vision_tower.vision_model.post_layernorm": "v.post_ln",
    "multi_modal_projector.mm_input_projection_weight": "mm.input_projection.weight",
    "multi_modal_projector.mm_soft_emb_norm": "mm.soft_emb_norm",
  },
  layerPrefix: "vision_tower.vision_model.encoder.layers.",
  layerNames: {
    layer_norm1: "ln1",
    layer_norm2: "ln2",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.out_proj": "attn_out",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
  },
  types: [
    [/\.mm_input_projection_weight$/, "F16"],
    [/\.embeddings\./, "F32"],
  ],
  shiftsNorms: /\.mm_soft_emb_norm\.weight$/,
  sizes,
  values: (config) => ({
    "clip.vision.attention.layer_norm_epsilon": float32(config.encoder.findNumber("layer_norm_eps") ?? 1e-6),
    "clip.use_gelu": flag(true),
    "clip.vision.projector.scale_factor": scaleFactor(config),
  }),
};

/** Patches of a side that become one token; llama.cpp takes the 4 of the published models where nothing is written. */
const scaleFactor = (config: VisionConfig) => {
  const { image, patch } = sizes(config);
  const tokensPerSide = Math.floor(Math.sqrt(config.preprocessor.findCount("image_seq_length") ?? 256));
  if (patch === 0 || tokensPerSide === 0)
    throw new AppError("corrupt", "the encoder has patches of no pixels or pictures of no tokens");
  const factor = Math.floor(Math.floor(image / patch) / tokensPerSide);
  return factor > 0 && factor !== 4 ? uint32(factor) : undefined;
};
