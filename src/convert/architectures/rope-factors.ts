import type { ModelConfig } from "../model-config.ts";
import type { ExtraTensor } from "./architecture.ts";
import { globalRope } from "./common-values.ts";

const f32 = Math.fround;

/** torch divides a number by a tensor so: by way of the reciprocal, rounded on the way. */
const over = (dividend: number, divisor: number): number => f32(f32(1 / divisor) * f32(dividend));

/**
 * `rope_freqs` of Llama 3.1 and later: by how much each frequency is slowed down. High frequencies stay, low ones are divided by the
 * factor, those between are interpolated. Computed in 32 bits step by step, as llama.cpp's converter does.
 */
export const llama3RopeFactors = (config: ModelConfig): ExtraTensor[] => {
  const rope = globalRope(config);
  if (rope.findText("rope_type")?.toLowerCase() !== "llama3") return [];
  const dimension = config.headDimension;
  const base = rope.findNumber("rope_theta") ?? 10_000;
  const factor = rope.findNumber("factor") ?? 8;
  const low = rope.findNumber("low_freq_factor") ?? 1;
  const high = rope.findNumber("high_freq_factor") ?? 4;
  const context = rope.findNumber("original_max_position_embeddings") ?? 8192;
  const factorOf = (index: number): number => {
    const frequency = over(1, f32(base ** f32((2 * index) / dimension)));
    const wavelength = over(2 * Math.PI, frequency);
    if (wavelength < f32(context / high)) return 1;
    if (wavelength > f32(context / low)) return factor;
    const smooth = f32(f32(over(context, wavelength) - f32(low)) / f32(high - f32(low)));
    return over(1, f32(f32(f32(1 - smooth) / f32(factor)) + smooth));
  };
  const values = Float32Array.from({ length: Math.ceil(dimension / 2) }, (_, index) => factorOf(index));
  return [{ name: "rope_freqs.weight", values }];
};
