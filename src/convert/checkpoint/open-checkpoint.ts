import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../core/errors.ts";
import { isObject, parseJsonObject } from "../json-object.ts";
import { indexName, shardPattern } from "../weight-files.ts";
import { headerLength, lengthBytes, parseSafetensorsHeader, type StoredTensor } from "./safetensors-header.ts";

/** A tensor and the open file that holds it. */
export interface SourceTensor extends StoredTensor {
  file: FileHandle;
}

/** The open weights of a repository; closes its files when it is disposed. */
export interface Checkpoint extends AsyncDisposable {
  /** File by file, and within a file in the order of its data. */
  tensors: readonly SourceTensor[];
}

/** More than any index has; the bound of a safetensors header holds for it too. */
const indexBytesMax = 25 * 1024 ** 2;

/** Opens the weights in `dir`; throws `corrupt` when shards are missing or hold other tensors than their index says. */
export const openCheckpoint = async (dir: string, names: readonly string[]): Promise<Checkpoint> => {
  const index = names.includes(indexName) ? await readIndex(dir) : undefined;
  const shards = index ? [...new Set(index.values())].sort() : names.filter((name) => shardPattern.test(name));
  if (shards.length === 0) throw new AppError("unsupported", "the repository has no safetensors weights");
  await using opened = new AsyncDisposableStack();
  const tensors = new Map<string, SourceTensor>();
  for (const shard of shards) {
    const file = opened.use(await openShard(dir, shard));
    for (const tensor of await readTensors(file, shard)) {
      if (tensors.has(tensor.name)) throw new AppError("corrupt", `two shards hold a tensor ${tensor.name}`);
      if (index && index.get(tensor.name) !== shard)
        throw new AppError("corrupt", `${indexName} does not say that ${shard} holds ${tensor.name}`);
      tensors.set(tensor.name, { ...tensor, file });
    }
  }
  for (const [name, shard] of index ?? [])
    if (!tensors.has(name)) throw new AppError("corrupt", `${shard} does not hold ${name}, as ${indexName} says`);
  const files = opened.move();
  return { tensors: [...tensors.values()], [Symbol.asyncDispose]: () => files.disposeAsync() };
};

const openShard = async (dir: string, shard: string): Promise<FileHandle> => {
  try {
    return await open(join(dir, shard), "r");
  } catch (cause) {
    throw new AppError("corrupt", `${shard} is missing or cannot be read`, { cause });
  }
};

const readTensors = async (file: FileHandle, shard: string): Promise<StoredTensor[]> => {
  const { size } = await file.stat();
  const first = await readAt(file, 0, Math.min(lengthBytes, size), shard);
  const json = await readAt(file, lengthBytes, headerLength(first, size, shard), shard);
  return parseSafetensorsHeader(json, size, shard);
};

const readAt = async (file: FileHandle, offset: number, length: number, name: string): Promise<Uint8Array> => {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new AppError("corrupt", `${name} ended while it was read`);
    done += bytesRead;
  }
  return bytes;
};

/** Which shard holds which tensor. Names of files other than shards are refused: an index may not lead out of the folder. */
const readIndex = async (dir: string): Promise<Map<string, string>> => {
  await using file = await open(join(dir, indexName), "r");
  const { size } = await file.stat();
  if (size > indexBytesMax) throw new AppError("corrupt", `${indexName} is longer than ${indexBytesMax} bytes`);
  const { weight_map: weightMap } = parseJsonObject(await readAt(file, 0, size, indexName), indexName);
  if (!isObject(weightMap)) throw new AppError("corrupt", `${indexName} has no weight_map`);
  return new Map(
    Object.entries(weightMap).map(([tensor, shard]) => {
      if (typeof shard !== "string" || !shardPattern.test(shard))
        throw new AppError("corrupt", `${indexName} names a file that is no shard for ${tensor}`);
      return [tensor, shard];
    }),
  );
};
