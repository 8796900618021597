import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import { isDigest, isModelName, isPathPart, type ModelName } from "./manifest.ts";

/** Where everything lies under the models folder. Every name is checked before it becomes a path. */
export interface StoreLayout {
  manifests: string;
  aliases: string;
  blobs: string;
  partials: string;
  /** Never deleted, unlike the locks of single downloads. */
  storeLock: string;
  /** Changes whenever a model is published or removed; see `modelIndex`. */
  stamp: string;
  /** When Ollama's models were last used; see `OllamaUses`. */
  ollamaUses: string;
  blob(digest: string): string;
  /** Folder that gives the parts of a split model, named by the first one's digest, the names that llama.cpp wants. */
  split(digest: string): string;
  manifest(model: ModelName): string;
  alias(alias: string): string;
  partial(id: string): PartialPaths;
  conversions: string;
  conversion(id: string): ConversionPaths;
}

/** Files of one unfinished download; `id` names its content, e.g. `sha256-<hex>`. */
export interface PartialPaths {
  id: string;
  data: string;
  /** What is being downloaded, and which of its bytes are on the disk for certain. */
  journal: string;
  /** Which bytes were written since, in this boot. */
  written: string;
  lock: string;
}

/** Files of one unfinished conversion; `id` names its sources, 64 hexadecimal digits. */
export interface ConversionPaths {
  id: string;
  /** Holds all but the lock: intermediate files, and what is made of them. */
  dir: string;
  /** The repository's files under their own names; the large ones are links to their downloads. */
  source: string;
  /** What is being converted, and what of it is finished. */
  record: string;
  lock: string;
}

export const storeLayout = (dir: string): StoreLayout => {
  const partials = join(dir, "partial");
  const conversions = join(dir, "conversions");
  return {
    manifests: join(dir, "manifests"),
    aliases: join(dir, "aliases"),
    blobs: join(dir, "blobs"),
    partials,
    storeLock: join(dir, "store.lock"),
    stamp: join(dir, "store.stamp"),
    ollamaUses: join(dir, "ollama-uses"),
    blob: (digest) => join(dir, "blobs", checked(isDigest(digest), digest, "digest").replace(":", "-")),
    split: (digest) => join(dir, "splits", checked(isDigest(digest), digest, "digest").replace(":", "-")),
    manifest: (model) => {
      checked(isModelName(model), `${model.host}/${model.org}/${model.name}:${model.tag}`, "model name");
      return join(dir, "manifests", model.host, model.org, model.name, `${model.tag}.json`);
    },
    alias: (alias) => join(dir, "aliases", `${checked(isPathPart(alias), alias, "alias").toLowerCase()}.json`),
    partial: (id) => {
      checked(/^[a-z0-9]+-[0-9a-f]{40,64}$/.test(id), id, "download id");
      const data = join(partials, id);
      return { id, data, journal: `${data}.json`, written: `${data}.written`, lock: `${data}.lock` };
    },
    conversions,
    conversion: (id) => {
      checked(/^[0-9a-f]{64}$/.test(id), id, "conversion id");
      const folder = join(conversions, id);
      return {
        id,
        dir: folder,
        source: join(folder, "source"),
        record: join(folder, "conversion.json"),
        lock: `${folder}.lock`,
      };
    },
  };
};

const checked = (valid: boolean, text: string, what: string): string => {
  if (!valid) throw new AppError("invalid_argument", `invalid ${what} "${text.slice(0, 100)}"`);
  return text;
};
