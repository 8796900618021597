import type { Architecture } from "./architecture.ts";
import { qwen2 } from "./qwen2.ts";

/** The language model of Qwen 2 and 2.5 VL: Qwen 2 with rotary positions in time, height and width. */
export const qwen2Vl: Architecture = {
  ...qwen2,
  name: "qwen2vl",
  sources: ["Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"],
};
