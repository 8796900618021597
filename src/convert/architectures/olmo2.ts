import { float32, list, uint32 } from "../gguf-values.ts";
import type { ModelConfig } from "../model-config.ts";
import type { Architecture } from "./architecture.ts";
import { commonValues, thetaDefault } from "./common-values.ts";
import { headNormNames, sandwichNames } from "./layer-names.ts";

/** OLMo 2 and 3. */
export const olmo2: Architecture = {
  name: "olmo2",
  sources: ["Olmo2ForCausalLM", "Olmo3ForCausalLM"],
  layerNames: { ...sandwichNames, ...headNormNames },
  values: (config) => ({ ...commonValues(config), ...slidingValues(config) }),
  tokenizer: { kind: "bpe" },
};

/** OLMo 3 attends to everything in every fourth layer only. */
const slidingValues = (config: ModelConfig) => {
  const window = config.findCount("sliding_window");
  if (window === undefined) return {};
  const types = config.find("layer_types");
  const pattern = Array.isArray(types)
    ? types.map((type) => type === "sliding_attention")
    : Array.from({ length: config.layers }, (_, layer) => (layer + 1) % 4 !== 0);
  return {
    "attention.sliding_window": uint32(window),
    "attention.sliding_window_pattern": list("bool", pattern),
    ...(config.architecture === "Olmo3ForCausalLM" && { "rope.freq_base_swa": float32(slidingTheta(config)) }),
  };
};

/** One for both kinds of layers, unless config.json says otherwise; scalings are of the others alone. */
const slidingTheta = ({ rope }: ModelConfig): number =>
  (rope.findPart("sliding_attention") ?? rope).findNumber("rope_theta") ?? thetaDefault;
