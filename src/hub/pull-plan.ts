import type { HubRef } from "../core/model-ref.ts";
import type { ModelName } from "../store/manifest.ts";
import type { Store } from "../store/open-store.ts";
import type { StoredModel } from "../store/scan-models.ts";
import { chooseFile, type FileChoice } from "./choose-file.ts";
import type { Repository } from "./repository.ts";

/** What a pull will bring into the store; nothing was written yet. */
export interface PullPlan extends FileChoice {
  model: ModelName;
  repository: Repository;
  revision?: string;
}

/** The Hub that names belong to. A mirror stands in for it, as HF_ENDPOINT does for huggingface_hub's cache. */
const hubName = "huggingface.co";

export const planPull = (repository: Repository, ref: HubRef): PullPlan => {
  const choice = chooseFile(repository, ref);
  const { org, name } = repository;
  return {
    ...choice,
    model: { host: hubName, org, name, tag: choice.tag },
    repository,
    ...(ref.revision === undefined ? {} : { revision: ref.revision }),
  };
};

/** The model, if the store has just what the plan would bring. */
export const findPulled = (store: Store, plan: PullPlan): StoredModel | undefined => {
  const { org, name, tag } = plan.model;
  const stored = store.find({ kind: "hub", org, name, quant: tag });
  if (!stored) return undefined;
  const { defaultTag, source, files } = stored.manifest;
  const file = files.find(({ role }) => role === "model");
  const { sha256 } = plan.file;
  const same =
    sha256 === undefined
      ? source.commit === plan.repository.commit && source.file === plan.file.path
      : file?.digest === `sha256:${sha256}`;
  const complete = files.every(({ digest, sizeBytes }) => store.hasBlob(digest, sizeBytes));
  return same && complete && defaultTag === plan.defaultTag && source.revision === plan.revision ? stored : undefined;
};
