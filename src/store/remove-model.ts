import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { AppError } from "../core/errors.ts";
import { type AliasRef, formatModelRef, type HubRef, type ModelRef } from "../core/model-ref.ts";
import { findModel } from "./find-model.ts";
import { freeBlobs } from "./free-blobs.ts";
import type { ModelName } from "./manifest.ts";
import { deletePartial, listPartials, type PartialDownload } from "./partial-downloads.ts";
import { type StoredModel, type StoreScan, sameModel } from "./scan-models.ts";
import type { StoreContext } from "./store-context.ts";

export interface Removal {
  /** Name of what was removed, as it was shown. */
  name: string;
  /** Space given back; what other models share stays. */
  freedBytes: number;
}

/**
 * Deletes a model, its aliases, blobs that no other model uses, and its unfinished downloads, at once.
 * A download that is running now, here or in another process, is left to its owner. Of a name that `cp` made only the name goes.
 * Throws `model_not_found`.
 */
export const removeModel = async (context: StoreContext, ref: ModelRef): Promise<Removal> =>
  await context.exclusively(async () => {
    const scan = context.index.rescan();
    if (isCopy(scan, ref)) return await removeCopy(context, ref);
    const model = findModel(scan, ref);
    const partials = (await listPartials(context.layout)).filter((partial) => isOf(partial, model, ref));
    if (!model && partials.length === 0)
      throw new AppError("model_not_found", `model "${formatModelRef(ref)}" not found`);
    let freedBytes = 0;
    if (model) {
      await rm(context.layout.manifest(model.manifest.model));
      for (const [alias, target] of scan.aliases)
        if (sameModel(target, model.manifest.model)) await rm(context.layout.alias(alias), { force: true });
      context.index.markChanged();
      await removeEmptyFolders(dirname(context.layout.manifest(model.manifest.model)), context.layout.manifests);
      freedBytes += await freeBlobs(context, model.manifest.files, context.index.rescan());
    }
    for (const partial of partials) freedBytes += await removeIdlePartial(context, partial);
    return { name: model?.name ?? formatModelRef(ref), freedBytes };
  });

/** Is it a name that a person gave with `cp`? */
export const isCopy = (scan: StoreScan, ref: ModelRef): ref is AliasRef =>
  ref.kind === "alias" && ref.quant === undefined && scan.aliases.get(ref.alias.toLowerCase())?.copied === true;

const removeCopy = async ({ layout, index }: StoreContext, { alias }: AliasRef): Promise<Removal> => {
  await rm(layout.alias(alias), { force: true });
  index.markChanged();
  return { name: alias, freedBytes: 0 };
};

/** Deletes idle unfinished downloads of `model` other than `exceptIds`: the remote file changed since. Returns how many. */
export const discardPartials = async (
  context: StoreContext,
  model: ModelName,
  exceptIds: readonly string[],
): Promise<number> =>
  await context.exclusively(async () => {
    const stale = (await listPartials(context.layout)).filter(
      (partial) => !exceptIds.includes(partial.paths.id) && sameModel(partial.model, model),
    );
    for (const partial of stale) await removeIdlePartial(context, partial);
    return stale.length;
  });

const isOf = (partial: PartialDownload, model: StoredModel | undefined, ref: ModelRef): boolean => {
  if (model) return sameModel(partial.model, model.manifest.model);
  return ref.kind === "hub" && isWanted(partial.model, partial.isDefault, ref);
};

const isWanted = (name: ModelName, isDefault: boolean, ref: HubRef): boolean =>
  `${name.org}/${name.name}`.toLowerCase() === `${ref.org}/${ref.name}`.toLowerCase() &&
  (ref.quant === undefined ? isDefault : ref.quant.toLowerCase() === name.tag.toLowerCase());

/** Returns the bytes given back. The lock is taken directly, not under the store's: this runs while the store's lock is held already. */
export const removeIdlePartial = async ({ log }: StoreContext, partial: PartialDownload): Promise<number> => {
  const lock = partial.tryLock();
  if (!lock) {
    log.debug(`leaving ${basename(partial.paths.data)}: it is being downloaded`);
    return 0;
  }
  using _lock = lock;
  await deletePartial(partial.paths);
  await rm(partial.paths.lock, { force: true });
  return partial.allocatedBytes;
};

const removeEmptyFolders = async (folder: string, root: string): Promise<void> => {
  for (let current = folder; current !== root; current = dirname(current)) {
    try {
      if ((await readdir(current)).length > 0) return;
      await rmdir(current);
    } catch {
      return; // another process put something in, or took it away: both fine
    }
  }
};
