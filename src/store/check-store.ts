import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { ModelName, StoredFile } from "./manifest.ts";
import { unusedBlobs } from "./prune-store.ts";
import { modelKey, type StoreScan, scanModels } from "./scan-models.ts";
import { type StoreLayout, storeLayout } from "./store-layout.ts";
import { listUnfinished } from "./unfinished.ts";

/** How a store is; nothing in it is changed by looking. */
export interface StoreHealth {
  models: number;
  /** Files that several models share are counted once. */
  sizeBytes: number;
  /** Manifests and aliases that cannot be read. */
  broken: { path: string; reason: string }[];
  damaged: DamagedFile[];
  /** Short names of models that are not there. */
  danglingAliases: string[];
  /** Downloads and conversions that were begun. */
  unfinished: { model: ModelName; allocatedBytes: number }[];
  /** Files that no model uses. */
  unusedFiles: number;
  unusedBytes: number;
}

export interface DamagedFile {
  model: string;
  /** Inside the repository. */
  file: string;
  path: string;
  /** What is wrong with it, after "it": `is missing`. */
  state: string;
}

const aboutToBePublishedMs = 60_000; // a pull writes its manifest after its files

export interface CheckOptions {
  /** Reads every file whole and compares its sha256, which takes about a second a gigabyte. */
  verify?: boolean;
  signal?: AbortSignal;
}

/** Looks at every manifest of the store under `dir`, and at the files that they name. */
export const checkStore = async (dir: string, { verify = false, signal }: CheckOptions = {}): Promise<StoreHealth> => {
  const layout = storeLayout(dir);
  const broken: StoreHealth["broken"] = [];
  const scan = scanModels(layout, new Map(), (path, reason) => void broken.push({ path, reason }));
  const unused = await unusedBlobs(layout, scan, Date.now() - aboutToBePublishedMs);
  const files = namedFiles(scan);
  const states = await fileStates(layout, files, verify, signal);
  return {
    models: scan.models.length,
    sizeBytes: [...files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    broken,
    damaged: damagedFiles(layout, scan, states),
    danglingAliases: danglingAliases(scan),
    unfinished: (await listUnfinished(layout)).map(({ model, allocatedBytes }) => ({ model, allocatedBytes })),
    unusedFiles: unused.length,
    unusedBytes: unused.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
};

/** By digest. */
const namedFiles = ({ models }: StoreScan): Map<string, StoredFile> =>
  new Map(models.flatMap(({ manifest }) => manifest.files.map((file) => [file.digest, file])));

/** What is wrong with each file, by digest; one after another, since a disk reads one file faster than ten. */
const fileStates = async (
  layout: StoreLayout,
  files: ReadonlyMap<string, StoredFile>,
  verify: boolean,
  signal: AbortSignal | undefined,
): Promise<Map<string, string>> => {
  const states = new Map<string, string>();
  for (const [digest, file] of files) {
    const path = layout.blob(digest);
    const state = (await sizeState(path, file)) ?? (verify ? await contentState(path, file, signal) : undefined);
    if (state !== undefined) states.set(digest, state);
  }
  return states;
};

const sizeState = async (path: string, { sizeBytes }: StoredFile): Promise<string | undefined> => {
  try {
    const { size } = await stat(path);
    return size === sizeBytes ? undefined : `has ${size} of ${sizeBytes} bytes`;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === "ENOENT" || code === "ENOTDIR" ? "is missing" : `cannot be looked at (${code})`;
  }
};

const contentState = async (
  path: string,
  { digest }: StoredFile,
  signal: AbortSignal | undefined,
): Promise<string | undefined> => {
  const hasher = new Bun.CryptoHasher("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal })) hasher.update(chunk);
  } catch (error) {
    signal?.throwIfAborted();
    return `cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  return `sha256:${hasher.digest("hex")}` === digest ? undefined : "has changed since it was verified";
};

const damagedFiles = (layout: StoreLayout, { models }: StoreScan, states: ReadonlyMap<string, string>): DamagedFile[] =>
  models.flatMap(({ name: model, manifest }) =>
    manifest.files.flatMap(({ digest, name: file }) => {
      const state = states.get(digest);
      return state === undefined ? [] : [{ model, file, path: layout.blob(digest), state }];
    }),
  );

const danglingAliases = ({ models, aliases }: StoreScan): string[] => {
  const known = new Set(models.map(({ manifest }) => modelKey(manifest.model)));
  return [...aliases].flatMap(([alias, target]) => (known.has(modelKey(target)) ? [] : [alias])).sort();
};
