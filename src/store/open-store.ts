import { statSync, utimesSync } from "node:fs";
import { type Clock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Log, silentLog } from "../core/log.ts";
import { formatModelRef, type ModelRef } from "../core/model-ref.ts";
import { copyModel } from "./copy-model.ts";
import { findModel } from "./find-model.ts";
import { linkParts } from "./link-parts.ts";
import type { ModelName } from "./manifest.ts";
import { modelIndex } from "./model-index.ts";
import { type Pruned, pruneStore } from "./prune-store.ts";
import { type NewModel, type Publication, publishModel } from "./publish-model.ts";
import { discardPartials, isCopy, type Removal, removeModel } from "./remove-model.ts";
import type { StoredModel } from "./scan-models.ts";
import { storeContext } from "./store-context.ts";
import { type StoreLayout, storeLayout } from "./store-layout.ts";

/** The models on this machine's disk; several processes may use one folder. */
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
  /** Records a use and returns the model with it; its id does not change. */
  touch(model: StoredModel, nowMs: number): StoredModel;
  publish(request: NewModel): Promise<Publication>;
  /** Throws `model_not_found`. */
  remove(ref: ModelRef): Promise<Removal>;
  /** Is it a name that `copy` gave, whose removal leaves the model? */
  isCopy(ref: ModelRef): boolean;
  /** Gives a model one more short name. Throws `model_not_found`, `invalid_model_name`, `conflict`. */
  copy(source: ModelRef, destination: ModelRef): Promise<void>;
  /** Deletes what nobody has come back for in two weeks: unfinished downloads, and blobs that no model uses. */
  prune(): Promise<Pruned>;
  /** Deletes unfinished downloads of a model other than `exceptIds`; returns how many there were. */
  discardPartials(model: ModelName, exceptIds: readonly string[]): Promise<number>;
}

/** Opens the store under `dir`; nothing is read or made before it is needed. */
export const openStore = (dir: string, options: { clock?: Clock; log?: Log } = {}): Store => {
  const { clock = systemClock, log = silentLog } = options;
  const layout = storeLayout(dir);
  const index = modelIndex(layout, { clock, log });
  const context = storeContext({ layout, index, clock, log });
  const find = (ref: ModelRef) => findModel(index.current(), ref);
  return {
    dir,
    layout,
    list: () => index.current().models,
    find,
    get(ref) {
      const model = find(ref);
      if (!model) throw new AppError("model_not_found", `model "${formatModelRef(ref)}" not found`);
      return model;
    },
    blobPath: layout.blob,
    hasBlob: (digest, sizeBytes) => statSync(layout.blob(digest), { throwIfNoEntry: false })?.size === sizeBytes,
    modelPath: (model) => modelPath(layout, model),
    templatePath({ manifest }) {
      const file = manifest.files.find(({ role }) => role === "template");
      return file && layout.blob(file.digest);
    },
    touch(model, nowMs) {
      utimesSync(layout.manifest(model.manifest.model), nowMs / 1000, nowMs / 1000);
      const used = { ...model, lastUsedMs: nowMs };
      index.noteUse(used);
      return used;
    },
    publish: (request) => publishModel(context, request),
    remove: (ref) => removeModel(context, ref),
    isCopy: (ref) => isCopy(index.current(), ref),
    copy: (source, destination) => copyModel(context, source, destination),
    prune: () => pruneStore(context),
    discardPartials: (model, exceptIds) => discardPartials(context, model, exceptIds),
  };
};

const modelPath = (layout: StoreLayout, model: StoredModel): string => {
  const parts = model.manifest.files.filter(({ role }) => role === "model");
  for (const { digest, sizeBytes } of parts) {
    const found = statSync(layout.blob(digest), { throwIfNoEntry: false })?.size;
    if (found === sizeBytes) continue;
    const which = parts.length > 1 ? "a file" : "the file";
    const state = found === undefined ? "is missing" : `has ${found} of ${sizeBytes} bytes`;
    throw new AppError("corrupt", `${which} of model "${model.name}" ${state}; pull it again`);
  }
  return parts.length > 1 ? linkParts(layout, parts) : layout.blob(parts[0]?.digest ?? "");
};
