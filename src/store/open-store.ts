import { statSync, utimesSync } from "node:fs";
import { type Clock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Log, silentLog } from "../core/log.ts";
import { formatModelRef, type ModelRef } from "../core/model-ref.ts";
import { copyModel } from "./copy-model.ts";
import { findModel } from "./find-model.ts";
import { linkParts } from "./link-parts.ts";
import type { FileRole, ModelName, StoredFile } from "./manifest.ts";
import { modelIndex } from "./model-index.ts";
import { refuseOllama } from "./ollama-name.ts";
import { type OllamaSettings, readOllamaSettings } from "./ollama-settings.ts";
import { type OllamaModel, type OllamaStore, ollamaStore } from "./ollama-store.ts";
import { type Pruned, pruneStore } from "./prune-store.ts";
import { type NewModel, type Publication, publishModel } from "./publish-model.ts";
import { discardUnfinished, isCopy, type Removal, removeModel } from "./remove-model.ts";
import type { OllamaOrigin, StoredModel } from "./scan-models.ts";
import { storeContext } from "./store-context.ts";
import { type StoreLayout, storeLayout } from "./store-layout.ts";

/** The models on this machine's disk, Ollama's too; several processes may use one folder. */
export interface Store {
  readonly dir: string;
  readonly layout: StoreLayout;
  /** All models, the last used first. */
  list(): StoredModel[];
  /** By name or alias in any letter case; a bare name means its default quantization. */
  find(ref: ModelRef): StoredModel | undefined;
  /** Throws `model_not_found`. */
  get(ref: ModelRef): StoredModel;
  /** Path of a blob, whether it is there or not. Throws `invalid_argument` for what is no `sha256:<hex>`. */
  blobPath(digest: string): string;
  /** Whether a blob is there in its full size. */
  hasBlob(digest: string, sizeBytes: number): boolean;
  /** Path of the model's GGUF file, or of its first part. Throws `corrupt` when one is missing or has the wrong size. */
  modelPath(model: StoredModel): string;
  /** Path of the chat template that came beside the GGUF, if any. */
  templatePath(model: StoredModel): string | undefined;
  /** Path of its multimodal projector, where it has one. Throws like `modelPath`. */
  projectorPath(model: StoredModel): string | undefined;
  /** Paths of the LoRA adapters that belong to it. */
  adapterPaths(model: StoredModel): string[];
  /** What its maker has set for requests that say nothing else; undefined for a model that is not Ollama's. */
  settings(model: StoredModel): OllamaSettings | undefined;
  /** Records a use and returns the model with it; its id does not change. */
  touch(model: StoredModel, nowMs: number): StoredModel;
  publish(request: NewModel): Promise<Publication>;
  /** Throws `model_not_found`, and `read_only` for one of Ollama's. */
  remove(ref: ModelRef): Promise<Removal>;
  /** Is it a name that `copy` gave, whose removal leaves the model? */
  isCopy(ref: ModelRef): boolean;
  /** Gives a model one more short name. Throws `model_not_found`, `invalid_model_name`, `conflict`. */
  copy(source: ModelRef, destination: ModelRef): Promise<void>;
  /** Deletes what nobody has come back for in two weeks: unfinished downloads and conversions, and blobs that no model uses. */
  prune(): Promise<Pruned>;
  /** Deletes unfinished downloads and conversions of a model other than `exceptIds`; returns how many there were. */
  discardUnfinished(model: ModelName, exceptIds: readonly string[]): Promise<number>;
}

export interface StoreOptions {
  /** Ollama's models folders, the first one's names first. */
  ollamaDirs?: readonly string[];
  clock?: Clock;
  log?: Log;
}

/** Opens the store under `dir`; nothing is read or made before it is needed. */
export const openStore = (dir: string, options: StoreOptions = {}): Store => {
  const { clock = systemClock, log = silentLog, ollamaDirs: roots = [] } = options;
  const layout = storeLayout(dir);
  const index = modelIndex(layout, { clock, log });
  const context = storeContext({ layout, index, clock, log });
  const ollama = ollamaStore({ roots, usesDir: layout.ollamaUses, clock, log });
  const merged = merger();
  const find = (ref: ModelRef) => (ref.kind === "ollama" ? ollama.find(ref) : findModel(index.current(), ref));
  const get = (ref: ModelRef) => {
    const model = find(ref);
    if (!model) throw new AppError("model_not_found", `model "${formatModelRef(ref)}" not found`);
    return model;
  };
  return {
    dir,
    layout,
    list: () => merged(index.current().models, ollama.list()),
    find,
    get,
    blobPath: layout.blob,
    hasBlob: (digest, sizeBytes) => statSync(layout.blob(digest), { throwIfNoEntry: false })?.size === sizeBytes,
    ...filesOf(layout, ollama),
    settings: settingsReader(),
    touch(model, nowMs) {
      if (model.ollama) return ollama.touch(model, nowMs);
      utimesSync(layout.manifest(model.manifest.model), nowMs / 1000, nowMs / 1000);
      const used = { ...model, lastUsedMs: nowMs };
      index.noteUse(used);
      return used;
    },
    publish: (request) => publishModel(context, request),
    async remove(ref) {
      if (ref.kind !== "ollama") return await removeModel(context, ref);
      get(ref);
      throw refuseOllama(ref, "rm");
    },
    isCopy: (ref) => isCopy(index.current(), ref),
    copy: (source, destination) => copyModel(context, source, destination),
    prune: () => pruneStore(context),
    discardUnfinished: (model, exceptIds) => discardUnfinished(context, model, exceptIds),
  };
};

/** Two listings as one, the last used first; the same array as long as both are the same. */
const merger = () => {
  let last: { own: StoredModel[]; ollamas: StoredModel[]; all: StoredModel[] } | undefined;
  return (own: StoredModel[], ollamas: StoredModel[]): StoredModel[] => {
    if (ollamas.length === 0) return own;
    if (last?.own !== own || last.ollamas !== ollamas) {
      const all = [...own, ...ollamas].sort((a, b) => b.lastUsedMs - a.lastUsedMs);
      last = { own, ollamas, all };
    }
    return last.all;
  };
};

/** Where the files of a model are, in either store. */
const filesOf = (
  layout: StoreLayout,
  ollama: OllamaStore,
): Pick<Store, "modelPath" | "templatePath" | "projectorPath" | "adapterPaths"> => ({
  modelPath: (model) => (isOllama(model) ? ollama.modelPath(model) : modelPath(layout, model)),
  templatePath: (model) => pathOf(layout, model, "template"),
  projectorPath: (model) => (isOllama(model) ? ollama.paths(model, "projector").at(-1) : projectorPath(layout, model)),
  adapterPaths: (model) => (isOllama(model) ? ollama.paths(model, "adapter") : []),
});

const pathOf = (layout: StoreLayout, { manifest }: StoredModel, wanted: FileRole): string | undefined => {
  const file = manifest.files.find(({ role }) => role === wanted);
  return file && layout.blob(file.digest);
};

const projectorPath = (layout: StoreLayout, model: StoredModel): string | undefined => {
  const file = model.manifest.files.find(({ role }) => role === "projector");
  if (!file) return undefined;
  checkFile(layout, model, file, "the projector");
  return layout.blob(file.digest);
};

const checkFile = (layout: StoreLayout, { name }: StoredModel, { digest, sizeBytes }: StoredFile, which: string) => {
  const found = statSync(layout.blob(digest), { throwIfNoEntry: false })?.size;
  if (found === sizeBytes) return;
  const state = found === undefined ? "is missing" : `has ${found} of ${sizeBytes} bytes`;
  throw new AppError("corrupt", `${which} of model "${name}" ${state}; pull it again`);
};

const isOllama = (model: StoredModel): model is OllamaModel => model.ollama !== undefined;

/** The layers are named by their content, so what was read once of a manifest stays true. */
const settingsReader = (): Store["settings"] => {
  const read = new WeakMap<OllamaOrigin, OllamaSettings>();
  return ({ ollama }) => {
    if (!ollama) return undefined;
    const settings = read.get(ollama) ?? readOllamaSettings(ollama);
    read.set(ollama, settings);
    return settings;
  };
};

const modelPath = (layout: StoreLayout, model: StoredModel): string => {
  const parts = model.manifest.files.filter(({ role }) => role === "model");
  for (const part of parts) checkFile(layout, model, part, parts.length > 1 ? "a file" : "the file");
  return parts.length > 1 ? linkParts(layout, parts) : layout.blob(parts[0]?.digest ?? "");
};
