import type { KvCacheType } from "../core/kv-cache-type.ts";
import { type ModelShape, modelShape } from "../gguf/model-shape.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import type { EngineModel } from "./types.ts";

/** What a model takes in memory; see `ModelShape`. */
export interface MemoryNeed {
  /** Size of the model's file, which is mapped, so the system can drop parts of it at the price of speed, and of its projector's. */
  weightsBytes: number;
  /** KV cache of one token of one slot. */
  kvBytesPerToken: number;
  /** Buffers of one step, and the process itself. */
  computeBytes: number;
}

/** Bytes of one element, block scales included. */
const elementBytes: Readonly<Record<KvCacheType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

const batchTokens = 512; // as the native loop's context is made
const processBytes = 100_000_000;
const activationsPerToken = 24; // vectors of the widest layer that a step keeps at once, generously

/** `kvCacheType`: of the KV cache's elements. */
export const memoryNeed = (shape: ModelShape, kvCacheType: KvCacheType = "f16"): MemoryNeed => ({
  weightsBytes: shape.sizeBytes,
  kvBytesPerToken: shape.kvElementsPerToken * elementBytes[kvCacheType],
  computeBytes: processBytes + 4 * (batchTokens * shape.widest * activationsPerToken + shape.vocabulary * batchTokens),
});

type ModelFile = Pick<EngineModel, "modelPath" | "shape" | "projectorPath"> & { name?: string };

/**
 * The need of a model: from the shape that was read at its publication, else from its header. Throws `corrupt`, or an error of the
 * file system.
 */
export const readMemoryNeed = async (model: ModelFile, kvCacheType?: KvCacheType): Promise<MemoryNeed> => {
  const need = memoryNeed(model.shape ?? (await readModelShape(model)), kvCacheType);
  // A projector is not mapped, but read into memory; its buffers for one picture are small beside the step's own.
  const projectorBytes = model.projectorPath ? Bun.file(model.projectorPath).size : 0;
  return { ...need, weightsBytes: need.weightsBytes + projectorBytes };
};

/** Throws like `readMemoryNeed`. */
export const readModelShape = async ({ modelPath, name }: ModelFile): Promise<ModelShape> =>
  modelShape(await readGgufHeader(modelPath, { arrayItemsMax: 0, ...(name && { label: name }) }));
