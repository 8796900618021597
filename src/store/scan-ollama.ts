import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { folderNames, type KnownFolders } from "./folder-names.ts";
import type { Manifest, ModelName } from "./manifest.ts";
import { findOllamaBlob } from "./ollama-blob.ts";
import {
  type OllamaConfig,
  type OllamaManifest,
  parseOllamaConfig,
  parseOllamaManifest,
  parseParameterSize,
} from "./ollama-manifest.ts";
import { isOllamaHost, isOllamaPart, showOllamaName } from "./ollama-name.ts";
import { ollamaUseKey } from "./ollama-uses.ts";
import { readBounded } from "./read-bounded.ts";
import type { StoredModel } from "./scan-models.ts";

/** What the last scan read, by path; most of it is still true at the next. */
export interface KnownOllama {
  folders: KnownFolders;
  manifests: Map<string, Read>;
}

interface Read {
  mtimeMs: number;
  size: number;
  ino: number;
  useKey: string;
  /** A text says why there is none. */
  model: StoredModel | string;
}

const manifestMaxBytes = 4_000_000; // models in one blob a tensor have some thousand layers
const configMaxBytes = 1_000_000; // a real one has about 500
const manifestsMax = 20_000; // more than that is no store of models

/**
 * Reads every manifest under Ollama's folders and what its config blob says; a name in two of them is the first one's. `uses`: last use by
 * key. What did not change since the last scan is the same object again. Synchronous for the same reason as `scanModels`.
 */
export const scanOllama = (
  roots: readonly string[],
  known: KnownOllama,
  uses: ReadonlyMap<string, number>,
  onBroken: (path: string, reason: string) => void,
): StoredModel[] => {
  const models = new Map<string, StoredModel>();
  let manifests = 0;
  for (const { root, name, path } of roots.flatMap((dir) => manifestsUnder(dir, known.folders, onBroken))) {
    if (++manifests > manifestsMax) break;
    const shown = showOllamaName(name);
    if (models.has(shown)) continue;
    const model = readModel(root, name, path, known, uses);
    if (typeof model === "string") onBroken(path, model);
    else if (model) models.set(shown, model);
  }
  return [...models.values()].sort((a, b) => b.lastUsedMs - a.lastUsedMs || (a.name < b.name ? -1 : 1));
};

interface Found {
  root: string;
  name: ModelName;
  path: string;
}

const manifestsUnder = (
  root: string,
  known: KnownFolders,
  onBroken: (path: string, reason: string) => void,
): Found[] => {
  const found: Found[] = [];
  const top = join(root, "manifests");
  const namesIn = (folder: string, isValid = isOllamaPart) => readFolder(folder, known, onBroken).filter(isValid);
  for (const host of namesIn(top, isOllamaHost))
    for (const org of namesIn(join(top, host)))
      for (const name of namesIn(join(top, host, org)))
        for (const tag of namesIn(join(top, host, org, name))) {
          const path = join(top, host, org, name, tag);
          found.push({ root, name: { host, org, name, tag }, path });
        }
  return found;
};

const readFolder = (
  folder: string,
  known: KnownFolders,
  onBroken: (path: string, reason: string) => void,
): string[] => {
  try {
    return folderNames(folder, known);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") onBroken(folder, "it may not be read by this user");
    return []; // else missing, or a stray file where a folder should be
  }
};

/** Reads a manifest unless it is the same file as at the last scan. Undefined when it is gone or no file; a text says why it is no use. */
const readModel = (
  root: string,
  name: ModelName,
  path: string,
  known: KnownOllama,
  uses: ReadonlyMap<string, number>,
): StoredModel | string | undefined => {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return undefined;
    const { mtimeMs, size, ino } = stat;
    const before = known.manifests.get(path);
    if (before?.size === size && before.ino === ino && before.mtimeMs === mtimeMs) return usedLast(before, uses);
    const model = size > manifestMaxBytes ? "it is too large" : toModel(root, name, readFileSync(path));
    const read: Read = { mtimeMs, size, ino, useKey: ollamaUseKey(showOllamaName(name)), model };
    known.manifests.set(path, read);
    return usedLast(read, uses);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : "it cannot be read";
  }
};

/** The model with its last use, which a newer pull by Ollama counts as. */
const usedLast = (read: Read, uses: ReadonlyMap<string, number>): StoredModel | string => {
  if (typeof read.model === "string") return read.model;
  const lastUsedMs = Math.max(read.mtimeMs, uses.get(read.useKey) ?? 0);
  if (read.model.lastUsedMs !== lastUsedMs) read.model = { ...read.model, lastUsedMs };
  return read.model;
};

const toModel = (root: string, name: ModelName, content: Buffer): StoredModel | string => {
  const manifest = parseOllamaManifest(content.toString("utf8"));
  if (typeof manifest === "string") return manifest;
  const path = manifest.config && findOllamaBlob(root, manifest.config);
  const config = parseOllamaConfig((path && readBounded(path, configMaxBytes)?.toString("utf8")) || "");
  return {
    name: showOllamaName(name),
    id: Bun.CryptoHasher.hash("sha256", content, "hex"),
    manifest: toManifest(name, manifest, config),
    sizeBytes: manifest.sizeBytes,
    lastUsedMs: 0,
    aliases: [],
    ollama: { root, layers: manifest.layers, ...(config.remoteHost && { remoteHost: config.remoteHost }) },
  };
};

/** In the shape of llmlb's own, for whoever lists; what only the GGUF's header tells is left open. */
const toManifest = (name: ModelName, { layers }: OllamaManifest, config: OllamaConfig): Manifest => ({
  schemaVersion: 1,
  model: name,
  defaultTag: "latest",
  source: { endpoint: `https://${name.host}`, repository: `${name.org}/${name.name}`, commit: "", file: "" },
  files: layers.flatMap(({ kind, digest, sizeBytes }) =>
    kind === "model" || kind === "projector" || kind === "adapter"
      ? [{ role: kind, name: kind, digest, sizeBytes }]
      : [],
  ),
  details: {
    format: config.format || "gguf",
    architecture: config.family,
    parameterCount: parseParameterSize(config.parameterSize),
    quantization: config.quantization,
    contextLength: 0,
    embeddingLength: 0,
    capabilities: [],
  },
  pulledAt: "",
});
