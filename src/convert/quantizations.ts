/** The types of floats that a conversion can write; every other type is made of such a file by llama.cpp. */
export const floatTypes = ["BF16", "F16", "F32"] as const;

export type FloatType = (typeof floatTypes)[number];

/**
 * What a model can be quantized to without an importance matrix, the best first, with llama.cpp's own figures for the bits that a weight takes
 * in a model of 8 billion: good for an estimate, since small models keep more in their vocabulary.
 */
const bitsPerWeight = {
  F32: 32,
  BF16: 16,
  F16: 16,
  Q8_0: 8.5,
  Q6_K: 6.56,
  Q5_1: 6.07,
  Q5_K_M: 5.7,
  Q5_K_S: 5.57,
  Q5_0: 5.57,
  Q4_1: 5.13,
  Q4_K_M: 4.89,
  IQ4_NL: 4.68,
  Q4_K_S: 4.67,
  Q4_0: 4.66,
  IQ4_XS: 4.46,
  Q3_K_L: 4.3,
  Q3_K_M: 4,
  Q3_K_S: 3.64,
  Q2_K: 3.16,
} as const;

export type Quantization = keyof typeof bitsPerWeight;

export const quantizations = Object.keys(bitsPerWeight) as readonly Quantization[];

/** What `org/name` means where a repository has to be converted. */
export const defaultQuantization: Quantization = "Q4_K_M";

/** In any letter case; undefined for what cannot be made. */
export const findQuantizationTarget = (name: string): Quantization | undefined =>
  quantizations.find((one) => one === name.toUpperCase());

export const isFloatType = (type: Quantization): type is FloatType => floatTypes.some((one) => one === type);

/** Size of a model's file of so many weights, to within a tenth or so. */
export const estimateBytes = (weights: number, type: Quantization): number =>
  Math.ceil((weights * bitsPerWeight[type]) / 8);
