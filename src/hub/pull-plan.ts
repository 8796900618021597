import type { HubRef } from "../core/model-ref.ts";
import type { FileRole, ModelName } from "../store/manifest.ts";
import type { Store } from "../store/open-store.ts";
import type { StoredModel } from "../store/scan-models.ts";
import { chooseConversion, type PlannedConversion } from "./choose-conversion.ts";
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
  /** The model's parts and its projector; for a conversion the weights that it is made of. */
  files: PlannedFile[];
  /** How the model is made of `files`; absent = they are the model. */
  conversion?: PlannedConversion;
  /** License and chat template: small, and welcome but not needed. */
  texts: PlannedFile[];
  /** The model as log messages call it. */
  label: string;
}

/** The Hub that names belong to. A mirror stands in for it, as HF_ENDPOINT does for huggingface_hub's cache. */
const hubName = "huggingface.co";

export const planPull = (repository: Repository, ref: HubRef): PullPlan => {
  const conversion = chooseConversion(repository, ref);
  const choice = conversion ?? chooseFile(repository, ref);
  const { org, name } = repository;
  const role = conversion ? "weights" : "model";
  const projector = conversion ? undefined : chooseProjector(repository.files, choice.parts[0]?.path ?? "");
  return {
    ...choice,
    model: { host: hubName, org, name, tag: choice.tag },
    repository,
    files: [
      ...choice.parts.map((file): PlannedFile => ({ role, file })),
      ...(projector ? [{ role: "projector" as const, file: projector }] : []),
    ],
    // A conversion puts the chat template into the GGUF.
    texts: planTexts(repository).filter((text) => !(conversion && text.role === "template")),
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
  const same = plan.conversion ? isMade(stored, plan.conversion) : hasFiles(stored, plan);
  const complete = files.every(({ digest, sizeBytes }) => store.hasBlob(digest, sizeBytes));
  return same && complete && defaultTag === plan.defaultTag && source.revision === plan.revision ? stored : undefined;
};

/** Whether it was made of the same files in the same way. llama.cpp's version is none of it: a new one makes no better model of them. */
const isMade = ({ manifest }: StoredModel, { type, id }: PlannedConversion): boolean =>
  manifest.source.recipe?.type === type && manifest.source.recipe.sources === id;

const hasFiles = ({ manifest: { source, files } }: StoredModel, plan: PullPlan): boolean => {
  if (source.recipe) return false;
  const large = files.filter(({ role }) => role === "model" || role === "projector");
  return (
    large.length === plan.files.length &&
    plan.files.every(({ role, file }) => {
      const { sha256, path } = file;
      if (sha256 === undefined)
        return source.commit === plan.repository.commit && large.some((one) => one.name === path);
      return large.some((one) => one.role === role && one.digest === `sha256:${sha256}`);
    })
  );
};
