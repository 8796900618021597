import { AppError } from "../../core/errors.ts";
import type { Architecture } from "../architectures/architecture.ts";
import type { FloatType, StoredTensor } from "../checkpoint/safetensors-header.ts";
import type { ModelConfig } from "../model-config.ts";
import { cutTensor } from "./cut-tensor.ts";
import { mapTensorName, type Place } from "./map-tensor-name.ts";
import type { Change, TensorPlan } from "./tensor-plan.ts";

type Source = Pick<StoredTensor, "name" | "shape">;

/**
 * What each tensor of the GGUF file is made of, in the order of the source; pure. Throws `unsupported` naming a tensor that llama.cpp
 * has no place for, `corrupt` where shapes do not fit.
 */
export const planTensors = (
  architecture: Architecture,
  config: ModelConfig,
  type: FloatType,
  sources: readonly Source[],
): TensorPlan[] => {
  const plans = new Map<string, TensorPlan>();
  const stacks = new Map<string, Map<number, Source>>();
  for (const source of sources) {
    const place = mapTensorName(architecture, config.layers, source.name);
    if (place === undefined) continue;
    if (place.expert === undefined)
      for (const plan of plain(source, place, architecture, config, type)) add(plans, plan);
    else stackExpert(stacks, place, source);
  }
  const experts = config.findCount("num_local_experts", "num_experts") ?? 0;
  for (const [name, members] of stacks) add(plans, stack(name, members, experts, type));
  return [...plans.values()];
};

const add = (plans: Map<string, TensorPlan>, plan: TensorPlan) => {
  if (plans.has(plan.name)) throw new AppError("corrupt", `two tensors of the repository would be ${plan.name}`);
  plans.set(plan.name, plan);
};

const plain = (
  source: Source,
  { names }: Place,
  architecture: Architecture,
  config: ModelConfig,
  type: FloatType,
): TensorPlan[] => {
  const change = changeOf(source, architecture, config);
  const [first = "", second] = names;
  if (second !== undefined) return halves(source, [first, second], type);
  const plan = { name: first, shape: source.shape, type: typeOf(first, source.shape, type) };
  return [{ ...plan, ...(change && { change }), slices: [whole(source)] }];
};

const whole = (source: Source) => ({ tensor: source.name, start: 0, length: elementsOf(source.shape) });

const elementsOf = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

/** Gate and up of all experts in one tensor [experts, 2 * rows, columns]. */
const halves = (source: Source, names: readonly [string, string], type: FloatType): TensorPlan[] => {
  if (source.shape.length !== 3) throw new AppError("corrupt", `${source.name} has no two halves`);
  return cutTensor(source, 1, names).map((part) => ({ ...part, type }));
};

const stackExpert = (stacks: Map<string, Map<number, Source>>, { names, expert }: Place, source: Source) => {
  const [name = ""] = names;
  const members = stacks.get(name) ?? new Map<number, Source>();
  members.set(expert ?? 0, source);
  stacks.set(name, members);
};

const stack = (name: string, members: ReadonlyMap<number, Source>, experts: number, type: FloatType): TensorPlan => {
  const ordered = Array.from({ length: members.size }, (_, index) => members.get(index));
  const [first] = ordered;
  if (first === undefined || members.size !== experts)
    throw new AppError("corrupt", `${name}: ${members.size} of ${experts} experts are there`);
  const slices = ordered.map((member, index) => {
    if (member === undefined) throw new AppError("corrupt", `${name}: expert ${index} is missing`);
    if (member.shape.join() !== first.shape.join())
      throw new AppError("corrupt", `${member.name} has another shape than its like`);
    return whole(member);
  });
  return { name, shape: [experts, ...first.shape], type, slices };
};

const changeOf = (source: Source, architecture: Architecture, config: ModelConfig): Change | undefined => {
  if (architecture.shiftsNorms && source.name.endsWith("norm.weight")) return { kind: "plusOne" };
  const [, which] = /\.([qk])_proj\.(?:weight|bias)$/.exec(source.name) ?? [];
  if (!architecture.permutesQueries || which === undefined) return undefined;
  const heads = which === "q" ? config.heads : config.keyValueHeads;
  const [rows = 0] = source.shape;
  if (rows % (2 * heads) !== 0) throw new AppError("corrupt", `${source.name} has ${rows} rows for ${heads} heads`);
  return { kind: "permute", headRows: rows / heads };
};

/** Routers; llama.cpp wants them, norms, biases and everything of one dimension in 32 bits. */
const alwaysWide = /\.ffn_gate_inp(?:_shexp)?\.weight$/;

const typeOf = (name: string, shape: readonly number[], type: FloatType): FloatType =>
  shape.length <= 1 || name.endsWith("_norm.weight") || !name.endsWith(".weight") || alwaysWide.test(name)
    ? "F32"
    : type;
