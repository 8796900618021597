import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../core/errors.ts";
import { type AliasRef, formatModelRef, type HubRef, type ModelRef } from "../core/model-ref.ts";
import { findModel } from "./find-model.ts";
import { freeBlobs } from "./free-blobs.ts";
import type { ModelName } from "./manifest.ts";
import { type StoredModel, type StoreScan, sameModel } from "./scan-models.ts";
import type { StoreContext } from "./store-context.ts";
import { listUnfinished, removeIdle, type Unfinished } from "./unfinished.ts";

export interface Removal {
  /** Name of what was removed, as it was shown. */
  name: string;
  /** Space given back; what other models share stays. */
  freedBytes: number;
}

/**
 * Deletes a model, its aliases, blobs that no other model uses, and what is unfinished of it, at once.
 * A download or conversion that is running now, here or in another process, is left to its owner. Of a name that `cp` made only the name goes.
 * Throws `model_not_found`.
 */
export const removeModel = async (context: StoreContext, ref: ModelRef): Promise<Removal> =>
  await context.exclusively(async () => {
    const scan = context.index.rescan();
    if (isCopy(scan, ref)) return await removeCopy(context, ref);
    const model = findModel(scan, ref);
    const unfinished = (await listUnfinished(context.layout)).filter((one) => isOf(one, model, ref));
    if (!model && unfinished.length === 0)
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
    for (const one of unfinished) freedBytes += await removeIdle(context, one);
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

/** Deletes what is unfinished of `model` and idle, other than `exceptIds`: the repository changed since. Returns how many. */
export const discardUnfinished = async (
  context: StoreContext,
  model: ModelName,
  exceptIds: readonly string[],
): Promise<number> =>
  await context.exclusively(async () => {
    const stale = (await listUnfinished(context.layout)).filter(
      (one) => !exceptIds.includes(one.id) && sameModel(one.model, model),
    );
    for (const one of stale) await removeIdle(context, one);
    return stale.length;
  });

const isOf = (one: Unfinished, model: StoredModel | undefined, ref: ModelRef): boolean => {
  if (model) return sameModel(one.model, model.manifest.model);
  return ref.kind === "hub" && isWanted(one.model, one.isDefault, ref);
};

const isWanted = (name: ModelName, isDefault: boolean, ref: HubRef): boolean =>
  `${name.org}/${name.name}`.toLowerCase() === `${ref.org}/${ref.name}`.toLowerCase() &&
  (ref.quant === undefined ? isDefault : ref.quant.toLowerCase() === name.tag.toLowerCase());

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
