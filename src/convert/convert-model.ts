import { type FileHandle, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { AppError } from "../core/errors.ts";
import { encodeGgufHeader } from "../gguf/encode-header.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import type { Shard } from "./checkpoint/collect-tensors.ts";
import { openShard, readShards } from "./checkpoint/read-shards.ts";
import type { ModelPart } from "./conversion-job.ts";
import { type FilePlan, metadataFiles, planConversion } from "./plan-conversion.ts";
import { blocksOf, bytesByShard, checkBegun, type ModelPlan, planModel, tensorShapes } from "./plan-model.ts";
import { planProjector } from "./plan-projector.ts";
import type { FloatType } from "./quantizations.ts";
import { writeBlocks, writeHeader } from "./write-model.ts";

export interface ConvertOptions {
  /** Folder of the repository: config.json, the tokenizer's files, the weights, or headers of those that are not there. */
  dir: string;
  /** The GGUF file; whole once all shards are written. */
  output: string;
  /** Default: the language model. */
  part?: ModelPart;
  /** Of the matrices; norms, biases and routers are always F32. */
  type: FloatType;
  /** `general.name`; default: the folder's name. */
  name?: string;
  /** The one to be written; default: all. */
  shard?: string;
  /** Goes on with a file that an earlier call has written other shards into; default: writes a new one. */
  begun?: boolean;
  signal?: AbortSignal;
  /** Called after each block with the bytes that this call has written and will have written. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Writes tensors of the repository in folder `dir` to a GGUF file and syncs it. Bounded memory. A file that it makes is removed when anything
 * fails; one that was begun stays, and what is in it. Throws AppError, the
 * disk's error or the signal's reason.
 */
export const convertModel = async (options: ConvertOptions): Promise<void> => {
  const { dir, output, part = "model", type, begun = false, signal } = options;
  const names = await listFiles(dir);
  const plan = planners[part](await readFiles(dir, metadataFiles(names)));
  const weights = await readShards(dir, names);
  const model = planModel(plan, type, weights);
  const shards = weights.shards.filter(({ name }) => options.shard === undefined || name === options.shard);
  signal?.throwIfAborted();
  try {
    const layout = begun ? await readLayout(output, model) : undefined;
    await using file = await open(output, begun ? "r+" : "w");
    await writeShards(file, options, { model, shards, layout: layout ?? (await writeNew(file, options, plan, model)) });
    await file.datasync();
  } catch (error) {
    if (!begun) await rm(output, { force: true });
    throw error;
  }
};

type Layout = Pick<GgufHeader, "tensors" | "dataOffset">;

const readLayout = async (output: string, model: ModelPlan): Promise<Layout> => {
  const header = await readGgufHeader(output, { arrayItemsMax: 0 });
  checkBegun(model, header);
  return header;
};

const writeNew = async (
  file: FileHandle,
  { dir, type, name = basename(resolve(dir)) }: ConvertOptions,
  plan: FilePlan,
  model: ModelPlan,
): Promise<Layout> => {
  const layout = encodeGgufHeader(plan.metadata(type, name), tensorShapes(model));
  await writeHeader(file, layout, model.extras);
  return layout;
};

const writeShards = async (
  file: FileHandle,
  { dir, signal, onProgress }: ConvertOptions,
  { model, shards, layout }: { model: ModelPlan; shards: readonly Shard[]; layout: Layout },
): Promise<void> => {
  const bytes = bytesByShard(model);
  const totalBytes = shards.reduce((sum, { name }) => sum + (bytes.get(name) ?? 0), 0);
  let doneBytes = 0;
  for (const shard of shards) {
    await using source = await openShard(dir, shard);
    const onWritten = (written: number) => {
      doneBytes += written;
      onProgress?.(doneBytes, totalBytes);
    };
    await writeBlocks(file, source, blocksOf(model, layout, shard.name), { signal, onWritten });
  }
};

const planners: Record<ModelPart, (files: ReadonlyMap<string, Uint8Array>) => FilePlan> = {
  model: planConversion,
  projector: planProjector,
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
