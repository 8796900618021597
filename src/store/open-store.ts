import { statSync, utimesSync } from "node:fs";
import { type Clock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Log, silentLog } from "../core/log.ts";
import { formatModelRef, type ModelRef } from "../core/model-ref.ts";
import { findModel } from "./find-model.ts";
import type { ModelName } from "./manifest.ts";
import { modelIndex } from "./model-index.ts";
import { refuseOllama } from "./ollama-name.ts";
import { type OllamaSettings, readOllamaSettings } from "./ollama-settings.ts";
import { type OllamaModel, type OllamaStore, ollamaStore } from "./ollama-store.ts";
import { type NewModel, type Publication, publishModel } from "./publish-model.ts";
import { discardPartials, type Removal, removeModel } from "./remove-model.ts";
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
  /** Path of the model's GGUF file. Throws `corrupt` when it is missing or has the wrong size. */
  modelPath(model: StoredModel): string;
  /** Path of its multimodal projector, where it has one. */
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
  /** Deletes unfinished downloads of a model other than `exceptId`; returns how many there were. */
  discardPartials(model: ModelName, exceptId: string): Promise<number>;
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
    discardPartials: (model, exceptId) => discardPartials(context, model, exceptId),
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
): Pick<Store, "modelPath" | "projectorPath" | "adapterPaths"> => ({
  modelPath: (model) => (isOllama(model) ? ollama.modelPath(model) : modelPath(layout, model)),
  projectorPath(model) {
    if (isOllama(model)) return ollama.paths(model, "projector").at(-1);
    const file = model.manifest.files.find(({ role }) => role === "projector");
    return file && layout.blob(file.digest);
  },
  adapterPaths: (model) => (isOllama(model) ? ollama.paths(model, "adapter") : []),
});

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
  const file = model.manifest.files.find(({ role }) => role === "model");
  const path = file && layout.blob(file.digest);
  const sizeBytes = path && statSync(path, { throwIfNoEntry: false })?.size;
  if (path === undefined || sizeBytes !== file?.sizeBytes) {
    const state = sizeBytes === undefined ? "is missing" : `has ${sizeBytes} of ${file?.sizeBytes} bytes`;
    throw new AppError("corrupt", `the file of model "${model.name}" ${state}; pull it again`);
  }
  return path;
};
