import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type AliasTarget, type Manifest, type ModelName, parseAliasFile, parseManifest } from "./manifest.ts";
import type { OllamaLayer } from "./ollama-manifest.ts";
import type { StoreLayout } from "./store-layout.ts";

export interface StoredModel {
  /** As it is shown: `org/name` for the default quantization, `org/name:QUANT` for others. */
  name: string;
  /** 64 hexadecimal digits: sha256 of the manifest file. */
  id: string;
  manifest: Manifest;
  /** All files together. */
  sizeBytes: number;
  /** Milliseconds since the epoch; the manifest file's modification time. */
  lastUsedMs: number;
  aliases: string[];
  /** Set for a model of Ollama's store, which is only read. */
  ollama?: OllamaOrigin;
}

export interface OllamaOrigin {
  /** Ollama's models folder. */
  root: string;
  layers: readonly OllamaLayer[];
  /** Where Ollama runs it instead of here. */
  remoteHost?: string;
}

export interface StoreScan {
  models: StoredModel[];
  /** Alias in lower case -> model. */
  aliases: Map<string, AliasTarget>;
  /** Digests that files which could not be read as manifests mention: their blobs must stay. */
  unreadableDigests: Set<string>;
}

/** What the last scan read, by path; most of it is still true at the next. */
export type KnownManifests = Map<string, { mtimeMs: number; size: number; ino: number; read: StoredModel | string }>;

/**
 * Reads every manifest and alias. What is broken or foreign is reported and skipped.
 * Synchronous on purpose: a thousand small reads through the thread pool take several times as long.
 */
export const scanModels = (
  layout: StoreLayout,
  known: KnownManifests,
  onBroken: (path: string, reason: string) => void,
): StoreScan => {
  const scan: StoreScan = { models: [], aliases: readAliases(layout, onBroken), unreadableDigests: new Set() };
  for (const path of manifestPaths(layout.manifests)) {
    const read = readModel(path, layout, known);
    if (typeof read !== "string") {
      scan.models.push(read);
      continue;
    }
    if (read !== gone) onBroken(path, read);
    for (const digest of mentionedDigests(path)) scan.unreadableDigests.add(digest);
  }
  nameModels(scan.models);
  attachAliases(scan);
  scan.models.sort((a, b) => b.lastUsedMs - a.lastUsedMs || (a.name < b.name ? -1 : 1));
  return scan;
};

export const sameModel = (a: ModelName, b: ModelName): boolean => modelKey(a) === modelKey(b);

/** Comparable form of a name; letter case never tells two models apart. */
export const modelKey = ({ host, org, name, tag }: ModelName): string => `${host}/${org}/${name}:${tag}`.toLowerCase();

const gone = "it is gone";

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // missing, or a stray file where a folder should be
  }
};

function* manifestPaths(root: string): Generator<string> {
  for (const host of namesIn(root))
    for (const org of namesIn(join(root, host)))
      for (const name of namesIn(join(root, host, org))) {
        const folder = join(root, host, org, name);
        for (const file of namesIn(folder)) if (file.endsWith(".json")) yield join(folder, file);
      }
}

/** Reads a manifest unless it is the same file as at the last scan; only its time is looked at again then. */
const readModel = (path: string, layout: StoreLayout, known: KnownManifests): StoredModel | string => {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    const before = known.get(path);
    const same = before?.size === size && before.ino === ino && before.mtimeMs === mtimeMs;
    const read = same ? before.read : parse(readFileSync(path), path, layout);
    if (!same) known.set(path, { mtimeMs, size, ino, read });
    return typeof read === "string" ? read : { ...read, lastUsedMs: mtimeMs, aliases: [] };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? gone : "it cannot be read";
  }
};

const parse = (content: Buffer, path: string, layout: StoreLayout): StoredModel | string => {
  const manifest = parseManifest(content.toString("utf8"));
  if (typeof manifest === "string") return manifest;
  if (layout.manifest(manifest.model) !== path) return "its name does not fit its place";
  const sizeBytes = manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const id = Bun.CryptoHasher.hash("sha256", content, "hex");
  return { name: "", id, manifest, sizeBytes, lastUsedMs: 0, aliases: [] };
};

const mentionedDigests = (path: string): string[] => {
  try {
    return [...readFileSync(path, "utf8").matchAll(/sha256[:-]([0-9a-f]{64})/g)].map(([, hex]) => `sha256:${hex}`);
  } catch {
    return [];
  }
};

const readAliases = (layout: StoreLayout, onBroken: (path: string, reason: string) => void) => {
  const aliases = new Map<string, AliasTarget>();
  for (const file of namesIn(layout.aliases)) {
    if (!file.endsWith(".json")) continue;
    const path = join(layout.aliases, file);
    let model: AliasTarget | string;
    try {
      model = parseAliasFile(readFileSync(path, "utf8"));
    } catch {
      continue; // removed since the folder was listed
    }
    if (typeof model === "string") onBroken(path, model);
    else aliases.set(basename(file, ".json").toLowerCase(), model);
  }
  return aliases;
};

/** The newest pull of a repository decides which quantization its bare name means, so that no two models share a name. */
const nameModels = (models: StoredModel[]): void => {
  const newest = new Map<string, Manifest>();
  const repository = ({ host, org, name }: ModelName) => `${host}/${org}/${name}`.toLowerCase();
  for (const { manifest } of models) {
    const key = repository(manifest.model);
    const known = newest.get(key);
    if (!known || known.pulledAt < manifest.pulledAt) newest.set(key, manifest);
  }
  for (const model of models) {
    const { org, name, tag } = model.manifest.model;
    const isDefault = newest.get(repository(model.manifest.model))?.defaultTag.toLowerCase() === tag.toLowerCase();
    model.name = isDefault ? `${org}/${name}` : `${org}/${name}:${tag}`;
  }
};

const attachAliases = (scan: StoreScan): void => {
  if (scan.aliases.size === 0) return;
  const byKey = new Map(scan.models.map((model) => [modelKey(model.manifest.model), model]));
  for (const [alias, target] of scan.aliases) byKey.get(modelKey(target))?.aliases.push(alias);
  for (const model of scan.models) model.aliases.sort();
};
