import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../core/errors.ts";
import { indexName } from "../weight-files.ts";
import { parseWeightIndex, type Shard, shardNames, type WeightIndex } from "./collect-tensors.ts";
import { headerLength, lengthBytes, parseSafetensorsHeader } from "./safetensors-header.ts";

/** The weights of a folder, as their headers tell them. */
export interface Weights {
  shards: Shard[];
  index: WeightIndex | undefined;
}

/** Name of the file that has a shard's header (with the eight bytes before it) where the shard itself is not there yet, or not any more. */
export const headerFile = (shard: string): string => `${shard}.header`;

/** More than any index has; the bound of a safetensors header holds for it too. */
const indexBytesMax = 25 * 1024 ** 2;

/** Reads the headers of all shards in `dir`, whose files are `names`; throws `corrupt` when one is missing or is not as it should be. */
export const readShards = async (dir: string, names: readonly string[]): Promise<Weights> => {
  const index = names.includes(indexName) ? await readIndex(dir) : undefined;
  const known = new Set(names);
  const bare = names.map((name) => name.replace(/\.header$/, ""));
  const shards: Shard[] = [];
  for (const name of shardNames([...new Set(bare)], index))
    shards.push({
      name,
      tensors: known.has(headerFile(name)) ? await readHeaderFile(dir, name) : await readShard(dir, name),
    });
  return { shards, index };
};

/** Opens a shard whose tensors are to be read. Throws `corrupt` unless its header is the one that the layout was made of. */
export const openShard = async (dir: string, { name, tensors }: Shard): Promise<FileHandle> => {
  const file = await openFile(dir, name);
  try {
    const found = await readTensors(file, name);
    if (!Bun.deepEquals(found, tensors))
      throw new AppError("corrupt", `${name} begins with another header than the Hub gave before its download`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
};

const readShard = async (dir: string, name: string) => {
  await using file = await openFile(dir, name);
  return await readTensors(file, name);
};

const openFile = async (dir: string, shard: string): Promise<FileHandle> => {
  try {
    return await open(join(dir, shard), "r");
  } catch (cause) {
    throw new AppError("corrupt", `${shard} is missing or cannot be read`, { cause });
  }
};

const readTensors = async (file: FileHandle, shard: string) => {
  const { size } = await file.stat();
  const first = await readAt(file, 0, Math.min(lengthBytes, size), shard);
  const json = await readAt(file, lengthBytes, headerLength(first, size, shard), shard);
  return parseSafetensorsHeader(json, size, shard);
};

/** How long the shard is was checked by whoever got the header, and is again when the shard is opened. */
const readHeaderFile = async (dir: string, shard: string) => {
  const bytes = await readFile(join(dir, headerFile(shard)));
  headerLength(bytes, bytes.length, shard);
  return parseSafetensorsHeader(bytes.subarray(lengthBytes), Number.MAX_SAFE_INTEGER, shard);
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

const readIndex = async (dir: string): Promise<WeightIndex> => {
  const path = join(dir, indexName);
  if ((await stat(path)).size > indexBytesMax)
    throw new AppError("corrupt", `${indexName} is longer than ${indexBytesMax} bytes`);
  return parseWeightIndex(await readFile(path));
};
