import type { FloatType } from "../checkpoint/safetensors-header.ts";

/** Rows of heads whose rotary halves become pairs, or values of which one is added. */
export type Change = { kind: "permute"; headRows: number } | { kind: "plusOne" };

/** A stretch of a source tensor, in elements. */
export interface Slice {
  tensor: string;
  start: number;
  length: number;
}

/** A tensor of the GGUF file: slices of the source one after the other, each changed in the same way. */
export interface TensorPlan {
  name: string;
  /** Outermost dimension first, as in the source. */
  shape: readonly number[];
  type: FloatType;
  change?: Change;
  slices: readonly Slice[];
}
