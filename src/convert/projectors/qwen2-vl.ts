import { AppError } from "../../core/errors.ts";
import { flag, float32, uint32 } from "../gguf-values.ts";
import type { Projector, VisionConfig } from "./projector.ts";

/** Pictures have the size that they have; llama.cpp warms up with this one. */
const imageSize = 560;

/** Of the class in transformers; no config.json has it. */
const epsilon = { "clip.vision.attention.layer_norm_epsilon": float32(1e-6) };

const shared = {
  tensors: /^visual\./,
  names: {
    // A convolution over two frames of a film; llama.cpp has two over pictures.
    "visual.patch_embed.proj.weight": {
      axis: 2,
      names: ["v.patch_embd.weight", "v.patch_embd.weight.1"],
      drops: true,
    },
    "visual.merger.ln_q": "v.post_ln",
    "visual.merger.mlp.0": "mm.0",
    "visual.merger.mlp.2": "mm.2",
  },
  layerPrefix: "visual.blocks.",
  layerNames: {
    norm1: "ln1",
    norm2: "ln2",
    "attn.qkv": { axis: 0, names: ["attn_q", "attn_k", "attn_v"] },
    "attn.proj": "attn_out",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  },
} as const;

const sharedSizes = ({ encoder }: VisionConfig) => ({
  image: encoder.findCount("image_size") ?? imageSize,
  patch: encoder.findCount("patch_size") ?? 14,
  layers: encoder.findCount("depth") ?? 32,
  heads: encoder.findCount("num_heads") ?? 16,
});

export const qwen2Vl: Projector = {
  ...shared,
  name: "qwen2vl_merger",
  sources: ["Qwen2VLForConditionalGeneration"],
  sizes: (config) => ({
    ...sharedSizes(config),
    width: config.encoder.findCount("embed_dim") ?? 1280,
    feedForward: config.encoder.findCount("hidden_size") ?? 3584, // of the language model: so written, and read by nobody
  }),
  values: () => epsilon,
};

export const qwen25Vl: Projector = {
  ...shared,
  name: "qwen2.5vl_merger",
  sources: ["Qwen2_5_VLForConditionalGeneration"],
  sizes: (config) => ({
    ...sharedSizes(config),
    width: config.encoder.findCount("hidden_size") ?? 3584,
    feedForward: config.encoder.findCount("intermediate_size") ?? 3420,
  }),
  values: ({ encoder }) => ({
    ...epsilon,
    "clip.use_silu": flag(true),
    "clip.vision.n_wa_pattern": uint32(windowPattern(encoder.findCounts("fullatt_block_indexes"))),
  }),
};

/** Every how many layers one attends to the whole picture, the others to windows. */
const windowPattern = (whole: readonly number[] = [7, 15, 23, 31]): number => {
  const every = (whole[0] ?? -1) + 1;
  if (every < 1 || !whole.every((layer, index) => layer === (index + 1) * every - 1))
    throw new AppError("unsupported", `attention to whole pictures in the layers ${whole.join(", ")} is not converted`);
  return every;
};
