import { AppError } from "../../core/errors.ts";
import type { StoredTensor } from "../checkpoint/safetensors-header.ts";
import type { TensorPlan } from "./tensor-plan.ts";

export type TensorPart = Pick<TensorPlan, "name" | "shape" | "slices">;

/** Far above every real one (experts of a layer, channels of a convolution); bounds the list that is made. */
const slicesMax = 2 ** 20;

/** `source` cut along dimension `axis` into as many equal parts as there are names. Throws `corrupt` where that cannot be. */
export const cutTensor = (
  source: Pick<StoredTensor, "name" | "shape">,
  axis: number,
  names: readonly string[],
): TensorPart[] => {
  const { shape } = source;
  const size = shape[axis] ?? 0;
  const outer = product(shape.slice(0, axis));
  if (size === 0 || size % names.length !== 0 || outer > slicesMax)
    throw new AppError("corrupt", `${source.name} cannot be cut into ${names.length} parts`);
  const length = (size / names.length) * product(shape.slice(axis + 1));
  return names.map((name, part) => ({
    name,
    shape: shape.with(axis, size / names.length),
    slices: Array.from({ length: outer }, (_, index) => ({
      tensor: source.name,
      start: (names.length * index + part) * length,
      length,
    })),
  }));
};

const product = (dims: readonly number[]): number => dims.reduce((result, dim) => result * dim, 1);
