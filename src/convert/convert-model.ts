import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { AppError } from "../core/errors.ts";
import { encodeGgufHeader, type GgufLayout } from "../gguf/encode-header.ts";
import type { ExtraTensor } from "./architectures/architecture.ts";
import { openCheckpoint, type SourceTensor } from "./checkpoint/open-checkpoint.ts";
import { metadataFiles, planConversion, weightFiles } from "./plan-conversion.ts";
import { type Block, planBlocks } from "./tensors/plan-blocks.ts";
import type { TensorPlan } from "./tensors/tensor-plan.ts";
import { writeModel } from "./write-model.ts";

export interface ConvertOptions {
  /** Folder of the repository: config.json, the tokenizer's files and the weights. */
  dir: string;
  /** The GGUF file; it appears whole, by a rename, or not at all. */
  output: string;
  /** Of the matrices; norms, biases and routers are always F32. */
  type: "BF16" | "F16" | "F32";
  /** `general.name`; default: the folder's name. */
  name?: string;
  signal?: AbortSignal;
  /** Called with the bytes of the file that are written, after each block. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Converts the repository in folder `dir` to one GGUF file at `output`. Bounded memory. Throws AppError. */
export const convertModel = async (options: ConvertOptions): Promise<void> => {
  const { dir, output, type, name = basename(resolve(dir)), signal, onProgress } = options;
  const names = await listFiles(dir);
  const plan = planConversion(await readFiles(dir, metadataFiles(names)));
  signal?.throwIfAborted();
  await using checkpoint = await openCheckpoint(dir, weightFiles(names));
  const tensors = plan.planTensors(type, checkpoint.tensors);
  const extras = plan.extraTensors;
  const layout = encodeGgufHeader(plan.metadata(type, name), [...extras.map(shapeOfExtra), ...tensors.map(shapeOf)]);
  const blocks = allBlocks(tensors, checkpoint.tensors, layout, extras.length);
  await writeModel(output, { layout, extras, blocks, signal, onProgress });
};

/** The largest real one, tokenizer.json of Gemma 3, has 33 MB. */
const metadataBytesMax = 128 * 1024 ** 2;

const listFiles = async (dir: string): Promise<string[]> => {
  const names = await readdir(dir, { recursive: true });
  return names.map((name) => name.replaceAll("\\", "/"));
};

const readFiles = async (dir: string, names: readonly string[]): Promise<Map<string, Uint8Array>> => {
  const files = new Map<string, Uint8Array>();
  for (const name of names) {
    const path = join(dir, name);
    if ((await stat(path)).size > metadataBytesMax)
      throw new AppError("corrupt", `${name} is longer than ${metadataBytesMax} bytes`);
    files.set(name, await readFile(path));
  }
  return files;
};

/** GGUF counts the contiguous dimension first. */
const shapeOf = ({ name, type, shape }: TensorPlan) => ({ name, type, dims: [...shape].reverse() });
const shapeOfExtra = ({ name, values }: ExtraTensor) => ({ name, type: "F32", dims: [values.length] });

function* allBlocks(
  plans: readonly TensorPlan[],
  tensors: readonly SourceTensor[],
  layout: GgufLayout,
  extras: number,
): Generator<Block<SourceTensor>> {
  const sources = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const [index, plan] of plans.entries()) {
    const offset = layout.tensors[extras + index]?.offset ?? 0;
    yield* planBlocks(plan, sources, layout.dataOffset + offset);
  }
}
