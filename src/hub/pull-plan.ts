import type { HubRef } from "../core/model-ref.ts";
import type { FileRole, ModelName } from "../store/manifest.ts";
import type { Store } from "../store/open-store.ts";
import type { StoredModel } from "../store/scan-models.ts";
import { chooseFile, type FileChoice } from "./choose-file.ts";
import { chooseProjector } from "./choose-projector.ts";
import { textMaxBytes } from "./fetch-text.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";

export interface PlannedFile {
  role: FileRole;
  file: RepositoryFile;
}

/** What a pull will bring into the store; nothing was written yet. */
export interface PullPlan extends FileChoice {
  model: ModelName;
  repository: Repository;
  revision?: string;
  /** The model's parts and its projector. */
  files: PlannedFile[];
  /** License and chat template: small, and welcome but not needed. */
  texts: PlannedFile[];
  /** The model as log messages call it. */
  label: string;
}

/** The Hub that names belong to. A mirror stands in for it, as HF_ENDPOINT does for huggingface_hub's cache. */
const hubName = "huggingface.co";

export const planPull = (repository: Repository, ref: HubRef): PullPlan => {
  const choice = chooseFile(repository, ref);
  const { org, name } = repository;
  const projector = chooseProjector(repository.files, choice.parts[0]?.path ?? "");
  return {
    ...choice,
    model: { host: hubName, org, name, tag: choice.tag },
    repository,
    files: [
      ...choice.parts.map((file): PlannedFile => ({ role: "model", file })),
      ...(projector ? [{ role: "projector" as const, file: projector }] : []),
    ],
    texts: planTexts(repository),
    label: `${org}/${name}:${choice.tag}`,
    ...(ref.revision === undefined ? {} : { revision: ref.revision }),
  };
};

const texts: readonly { role: FileRole; pattern: RegExp }[] = [
  { role: "license", pattern: /^licen[cs]e(\.(txt|md))?$/i },
  { role: "template", pattern: /^chat_template\.jinja$/ },
];

const planTexts = ({ files }: Repository): PlannedFile[] =>
  texts.flatMap(({ role, pattern }) => {
    const file = files.find(({ path, sizeBytes = 0 }) => pattern.test(path) && sizeBytes <= textMaxBytes);
    return file ? [{ role, file }] : [];
  });

/** The model, if the store has just what the plan would bring. */
export const findPulled = (store: Store, plan: PullPlan): StoredModel | undefined => {
  const { org, name, tag } = plan.model;
  const stored = store.find({ kind: "hub", org, name, quant: tag });
  if (!stored) return undefined;
  const { defaultTag, source, files } = stored.manifest;
  const large = files.filter(({ role }) => role === "model" || role === "projector");
  const same =
    large.length === plan.files.length &&
    plan.files.every(({ role, file }) => {
      const { sha256, path } = file;
      if (sha256 === undefined)
        return source.commit === plan.repository.commit && large.some((one) => one.name === path);
      return large.some((one) => one.role === role && one.digest === `sha256:${sha256}`);
    });
  const complete = files.every(({ digest, sizeBytes }) => store.hasBlob(digest, sizeBytes));
  return same && complete && defaultTag === plan.defaultTag && source.revision === plan.revision ? stored : undefined;
};
