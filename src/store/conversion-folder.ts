import { linkSync, symlinkSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isRecord, parseJson } from "../core/json.ts";
import { syncFile, syncFolder, writeFileDurably } from "./durable-file.ts";
import { sizeOf } from "./file-size.ts";
import { isDigest, isModelName, type ModelName, storeSchemaVersion } from "./manifest.ts";
import type { ConversionPaths, StoreLayout } from "./store-layout.ts";
import type { Unfinished } from "./unfinished.ts";

/** A file of a conversion that is whole. */
export interface FinishedFile {
  /** Inside the conversion's folder. */
  name: string;
  sizeBytes: number;
  /** Version of llama.cpp, where that wrote it. */
  llamaCpp?: string;
  /** `sha256:<hex>`, once it is known: the file may be a blob of the store by then. */
  digest?: string;
}

/** A file that is made of one download after the other. */
export interface BegunFile {
  /** Inside the conversion's folder. */
  name: string;
  /** When it will be whole, and as it lies there: with holes. */
  sizeBytes: number;
  /** Ids of the downloads whose part of it is written and synced; they need not be there any more. */
  spent: string[];
}

export interface ConversionRecord {
  model: ModelName;
  /** Whether the model is its repository's default quantization. */
  isDefault: boolean;
  finished: FinishedFile[];
  begun: BegunFile[];
}

/**
 * What is known of a conversion; of its files those that are there, in its folder or (as `hasBlob` says) in the store. Undefined when there is none,
 * or none that can be trusted.
 */
export const readConversion = async (
  { dir, record }: ConversionPaths,
  hasBlob: (digest: string, sizeBytes: number) => boolean = () => false,
): Promise<ConversionRecord | undefined> => {
  const value = parseJson(await readFile(record, "utf8").catch(() => ""));
  if (!isRecord(value) || value.schemaVersion !== storeSchemaVersion || !isModelName(value.model)) return undefined;
  const { model, isDefault, finished, begun } = value;
  if (typeof isDefault !== "boolean" || !Array.isArray(finished) || !finished.every(isFinishedFile)) return undefined;
  const isThere = async (file: MadeFile) => (await sizeOf(join(dir, file.name))) === file.sizeBytes;
  const isStored = ({ digest, sizeBytes }: FinishedFile) => digest !== undefined && hasBlob(digest, sizeBytes);
  return {
    ...{ model, isDefault },
    finished: await keep(finished, async (file) => (await isThere(file)) || isStored(file)),
    begun: await keep(Array.isArray(begun) ? begun.filter(isBegunFile) : [], isThere),
  };
};

const keep = async <T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<T[]> => {
  const kept = await Promise.all(items.map(test));
  return items.filter((_, index) => kept[index]);
};

type MadeFile = Pick<FinishedFile, "name" | "sizeBytes">;

const isMadeFile = (value: unknown): value is MadeFile & Record<string, unknown> =>
  isRecord(value) &&
  typeof value.name === "string" &&
  /^[A-Za-z0-9_]+\.gguf$/.test(value.name) &&
  Number.isSafeInteger(value.sizeBytes);

const isFinishedFile = (value: unknown): value is FinishedFile =>
  isMadeFile(value) &&
  (value.llamaCpp === undefined || typeof value.llamaCpp === "string") &&
  (value.digest === undefined || (typeof value.digest === "string" && isDigest(value.digest)));

const isBegunFile = (value: unknown): value is BegunFile =>
  isMadeFile(value) && Array.isArray(value.spent) && value.spent.every((id) => typeof id === "string");

export const writeConversion = async ({ record }: ConversionPaths, content: ConversionRecord): Promise<void> =>
  await writeFileDurably(record, `${JSON.stringify({ schemaVersion: storeSchemaVersion, ...content })}\n`);

/** Gives a file that is written its name, for good: what the record names survives a power cut. Returns the record with it. */
export const finishFile = async (
  paths: ConversionPaths,
  before: ConversionRecord,
  { from, name, llamaCpp }: { from: string; name: string; llamaCpp?: string },
): Promise<ConversionRecord> => {
  const to = join(paths.dir, name);
  await syncFile(from);
  await rename(from, to);
  await syncFolder(paths.dir);
  const file: FinishedFile = {
    name,
    sizeBytes: (await sizeOf(to)) ?? 0,
    ...(llamaCpp === undefined ? {} : { llamaCpp }),
  };
  const after = { ...before, finished: [...before.finished.filter((other) => other.name !== name), file] };
  await writeConversion(paths, after);
  return after;
};

/**
 * Notes that a download's part of a file is written and synced: from here on the download may go. Returns the record with it, of which the file
 * is finished with the last one: not a moment lies between in which neither the downloads nor the record speak for the file.
 */
export const spendSource = async (
  paths: ConversionPaths,
  before: ConversionRecord,
  { name, id, isLast }: { name: string; id: string; isLast: boolean },
): Promise<ConversionRecord> => {
  const sizeBytes = (await sizeOf(join(paths.dir, name))) ?? 0;
  const spent = before.begun.find((file) => file.name === name)?.spent ?? [];
  const begun = before.begun.filter((other) => other.name !== name);
  const finished = before.finished.filter((other) => other.name !== name);
  const after = isLast
    ? { ...before, begun, finished: [...finished, { name, sizeBytes }] }
    : { ...before, begun: [...begun, { name, sizeBytes, spent: [...spent, id] }] };
  await writeConversion(paths, after);
  return after;
};

/** Notes what a finished file's content is, before that goes to the store: a kill may come in between. Returns the record with it. */
export const noteDigest = async (
  paths: ConversionPaths,
  before: ConversionRecord,
  { name }: FinishedFile,
  digest: string,
): Promise<ConversionRecord> => {
  const finished = before.finished.map((file) => (file.name === name ? { ...file, digest } : file));
  const after = { ...before, finished };
  await writeConversion(paths, after);
  return after;
};

/** Gives a download the name that it has in the repository, without a copy. */
export const linkSource = async ({ source }: ConversionPaths, name: string, file: string): Promise<void> => {
  const path = join(source, name);
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  try {
    linkSync(file, path);
  } catch {
    symlinkSync(file, path);
  }
};

export const writeSource = async ({ source }: ConversionPaths, name: string, bytes: Uint8Array): Promise<void> => {
  const path = join(source, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
};

/** Deletes all of a conversion; only by who has its lock. */
export const dropConversion = async ({ dir }: ConversionPaths): Promise<void> =>
  await rm(dir, { recursive: true, force: true });

/** Takes a download's name in the repository away again. */
export const unlinkSource = async ({ source }: ConversionPaths, name: string): Promise<void> =>
  await rm(join(source, name), { force: true });

/** Deletes what an earlier attempt has left half done. */
export const dropHalfDone = async (
  { dir, source, record }: ConversionPaths,
  { finished, begun }: ConversionRecord,
): Promise<void> => {
  const kept = new Set([source, record, ...[...finished, ...begun].map(({ name }) => join(dir, name))]);
  for (const name of await readdir(dir).catch(() => []))
    if (!kept.has(join(dir, name))) await rm(join(dir, name), { recursive: true, force: true });
};

/** Every unfinished conversion of the store that can be understood. */
export const listConversions = async (layout: StoreLayout): Promise<Unfinished[]> => {
  const found: Unfinished[] = [];
  for (const id of await readdir(layout.conversions).catch(() => [])) {
    if (!/^[0-9a-f]{64}$/.test(id)) continue;
    const paths = layout.conversion(id);
    const record = await readConversion(paths);
    if (!record) continue;
    const files = [paths.record, ...(await filesIn(paths))];
    found.push({
      id,
      model: record.model,
      isDefault: record.isDefault,
      allocatedBytes: await ownBytes(files),
      files,
      lock: paths.lock,
      remove: () => dropConversion(paths),
    });
  }
  return found;
};

const filesIn = async ({ dir }: ConversionPaths): Promise<string[]> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

/** Links to downloads are counted as downloads. */
const ownBytes = async (files: readonly string[]): Promise<number> => {
  let bytes = 0;
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found && found.nlink === 1) bytes += found.blocks * 512;
  }
  return bytes;
};
