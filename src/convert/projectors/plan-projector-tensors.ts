import { AppError } from "../../core/errors.ts";
import type { FloatType, StoredTensor } from "../checkpoint/safetensors-header.ts";
import { cutTensor, type TensorPart } from "../tensors/cut-tensor.ts";
import type { TensorPlan } from "../tensors/tensor-plan.ts";
import type { CutPlace, PlaceNames, Projector } from "./projector.ts";

type Source = Pick<StoredTensor, "name" | "shape">;

/**
 * What each tensor of the projector's file is made of, in the order of the source; pure. Throws `unsupported` naming a tensor that
 * llama.cpp has no place for, `corrupt` where shapes do not fit.
 */
export const planProjectorTensors = (
  projector: Projector,
  layers: number,
  type: FloatType,
  sources: readonly Source[],
): TensorPlan[] => {
  const plans = new Map<string, TensorPlan>();
  for (const source of sources) {
    const name = classicName(source.name);
    if (!projector.tensors.test(name) || projector.leftOut?.test(name)) continue;
    for (const part of partsOf(projector, layers, source, name)) {
      if (plans.has(part.name)) throw new AppError("corrupt", `two tensors of the repository would be ${part.name}`);
      const plan = { ...part, type: typeOf(projector, name, part, type) };
      plans.set(part.name, projector.shiftsNorms?.test(name) ? { ...plan, change: { kind: "plusOne" } } : plan);
    }
  }
  return [...plans.values()];
};

/** transformers 4.52 and later may write the encoder's tensors below `model.`. */
const classicName = (name: string): string => name.replace(/^model\./, "");

const partsOf = (projector: Projector, layers: number, source: Source, name: string): TensorPart[] => {
  const place = findPlace(projector, layers, name);
  if (place === undefined)
    throw new AppError("unsupported", `${projector.name} has no place for the tensor ${source.name}`);
  if (typeof place !== "string") return cut(source, place);
  const { shape } = source;
  const length = shape.reduce((product, dim) => product * dim, 1);
  return [{ name: place, shape, slices: [{ tensor: source.name, start: 0, length }] }];
};

const cut = (source: Source, { axis, names, drops = false }: CutPlace): TensorPart[] => {
  if (!drops) return cutTensor(source, axis, names);
  if (source.shape[axis] !== names.length)
    throw new AppError("unsupported", `${source.name} has other than ${names.length} parts`);
  return cutTensor(source, axis, names).map((part) => ({ ...part, shape: part.shape.toSpliced(axis, 1) }));
};

const findPlace = ({ names, layerPrefix, layerNames }: Projector, layers: number, name: string) => {
  if (!name.startsWith(layerPrefix)) return findIn(names, name, "");
  const [, layer = "", part = ""] = /^(\d{1,5})\.(.+)$/.exec(name.slice(layerPrefix.length)) ?? [];
  if (layer === "" || Number(layer) >= layers) return undefined;
  return findIn(layerNames, part, `v.blk.${Number(layer)}.`);
};

const findIn = (names: PlaceNames, name: string, before: string): string | CutPlace | undefined => {
  const [, stem = name, suffix = ""] = /^(.*)(\.weight|\.bias)$/.exec(name) ?? [];
  const [found, after] = Object.hasOwn(names, name)
    ? [names[name], ""]
    : [Object.hasOwn(names, stem) ? names[stem] : undefined, suffix];
  if (found === undefined) return undefined;
  const whole = (part: string) => `${before}${part}${after}`;
  return typeof found === "string" ? whole(found) : { ...found, names: found.names.map(whole) };
};

/** llama.cpp convolves with floats of 16 or 32 bits only; it wants norms, biases and positions in 32. */
const typeOf = ({ types = [] }: Projector, source: string, { name, shape }: TensorPart, type: FloatType): FloatType => {
  if (shape.length <= 1 || name.endsWith("_norm.weight")) return "F32";
  const always = types.find(([pattern]) => pattern.test(source))?.[1];
  if (always !== undefined) return always;
  if (name.includes(".patch_embd.weight")) return type === "F16" ? "F16" : "F32";
  return name.endsWith(".weight") && name !== "v.position_embd.weight" ? type : "F32";
};
