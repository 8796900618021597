import type { HubRef, ModelRef } from "../core/model-ref.ts";
import { modelKey, type StoredModel, type StoreScan } from "./scan-models.ts";

/** The model that a reference means, in any letter case; pure. */
export const findModel = (scan: StoreScan, ref: ModelRef): StoredModel | undefined => {
  if (ref.kind === "hub") return findHubModel(scan.models, ref);
  if (ref.kind === "ollama") return undefined; // not in this store
  const target = scan.aliases.get(ref.alias.toLowerCase());
  if (!target) return undefined;
  const { quant } = ref;
  const key = modelKey(quant === undefined ? target : { ...target, tag: quant });
  return scan.models.find((model) => modelKey(model.manifest.model) === key);
};

const findHubModel = (models: StoredModel[], ref: HubRef): StoredModel | undefined => {
  const repository = `${ref.org}/${ref.name}`.toLowerCase();
  return models.find(
    (model) => repositoryOf(model) === repository && isWanted(model, ref) && isRevision(model, ref.revision),
  );
};

const repositoryOf = ({ manifest }: StoredModel) => `${manifest.model.org}/${manifest.model.name}`.toLowerCase();

const isWanted = (model: StoredModel, ref: HubRef): boolean => {
  const { model: name, source } = model.manifest;
  if (ref.file !== undefined) return isFile(source.file, ref.file);
  if (ref.quant !== undefined) return name.tag.toLowerCase() === ref.quant.toLowerCase();
  return model.name.toLowerCase() === repositoryOf(model); // the default quantization is the one shown without a tag
};

const isFile = (path: string, wanted: string) =>
  path.toLowerCase() === wanted.toLowerCase() || path.toLowerCase().endsWith(`/${wanted.toLowerCase()}`);

const isRevision = ({ manifest: { source } }: StoredModel, revision: string | undefined): boolean =>
  revision === undefined ||
  source.revision === revision ||
  (/^[0-9a-f]{7,40}$/i.test(revision) && source.commit.startsWith(revision.toLowerCase()));
