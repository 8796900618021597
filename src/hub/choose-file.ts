import { AppError } from "../core/errors.ts";
import type { HubRef } from "../core/model-ref.ts";
import { findQuantization } from "../gguf/quantization.ts";
import { groupSplits, type ModelFiles } from "./group-splits.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";

/** The files that a name means. */
export interface FileChoice {
  /** The model's one file, or the parts of a split one in order. */
  parts: RepositoryFile[];
  /** Identifies the model among its repository's: its quantization, else its base name. */
  tag: string;
  /** Tag of what the bare `org/name` means. */
  defaultTag: string;
  quantization?: string;
}

type Candidate = Omit<FileChoice, "defaultTag">;

/** What `org/name` means where it names no quantization: good quality that fits most machines first. */
const preferred = [
  "Q4_K_M",
  "UD-Q4_K_XL",
  "Q4_K_S",
  "IQ4_XS",
  "Q4_0",
  "MXFP4",
  "Q5_K_M",
  "Q6_K",
  "Q8_0",
  "Q3_K_M",
  "BF16",
  "F16",
];

/** GGUF files beside a model that are none: projectors, importance matrices, draft heads (llama.cpp's list). */
const noModel = /mmproj|imatrix|(^|[-_.])(mtp|eagle3|dflash|dspark)-/i;
const tagsShownMax = 40;

/** The GGUF files of a repository that are models, or parts of one. */
export const ggufModels = ({ files }: Repository): RepositoryFile[] =>
  files.filter(({ path }) => /\.gguf$/i.test(path) && !noModel.test(baseName(path)));

/** Chooses the files that `ref` means among the repository's; pure. Throws with a list of what there is. */
export const chooseFile = (repository: Repository, ref: HubRef): FileChoice => {
  const files = ggufModels(repository);
  if (files.length === 0) throw noGguf(repository);
  const models = groupSplits(files);
  const candidates = tagModels(models.filter(({ missing }) => missing.length === 0));
  const standard = [...candidates].sort(byPreference)[0];
  const chosen = pick(repository, ref, models, candidates, standard);
  return { ...chosen, defaultTag: standard?.tag ?? chosen.tag };
};

const pick = (
  repository: Repository,
  ref: HubRef,
  models: ModelFiles[],
  candidates: Candidate[],
  standard: Candidate | undefined,
): Candidate => {
  const id = `${repository.org}/${repository.name}`;
  if (ref.file !== undefined) return pickFile(repository, ref.file, models, candidates);
  if (ref.quant === undefined) return standard ?? incomplete(id, models[0], candidates);
  const wanted = ref.quant.toLowerCase();
  const found = candidates.find(({ tag }) => tag.toLowerCase() === wanted);
  if (found) return found;
  const broken = models.find(({ stem, missing }) => missing.length > 0 && quantOf(stem)?.toLowerCase() === wanted);
  if (broken) return incomplete(`${id}:${ref.quant}`, broken, candidates);
  throw new AppError("model_not_found", `model "${id}" has no quantization "${ref.quant}"; it has ${list(candidates)}`);
};

/** A part of a split model means the whole of it. */
const pickFile = (repository: Repository, wanted: string, models: ModelFiles[], candidates: Candidate[]): Candidate => {
  const path = wanted.toLowerCase();
  const id = `${repository.org}/${repository.name}`;
  const file =
    repository.files.find((other) => other.path.toLowerCase() === path) ??
    repository.files.find((other) => other.path.toLowerCase().endsWith(`/${path}`));
  if (!file) throw new AppError("not_found", `file "${wanted}" not found in "${id}"; it has ${list(candidates)}`);
  const candidate = candidates.find(({ parts }) => parts.includes(file));
  if (candidate) return candidate;
  const broken = models.find(({ parts }) => parts.includes(file));
  if (broken && broken.missing.length > 0) return incomplete(`${id}:${wanted}`, broken, candidates);
  throw new AppError("unsupported", `"${wanted}" of "${id}" is not a model file`);
};

const incomplete = (what: string, model: ModelFiles | undefined, candidates: Candidate[]): never => {
  const { parts = [], missing = [] } = model ?? {};
  const of = parts.length + missing.length;
  throw new AppError(
    "not_found",
    `"${what}" is incomplete on the Hub: part ${missing[0]} of ${of} is missing; complete there is ${list(candidates)}`,
  );
};

/** One tag per model: its quantization for the first that has it (by depth, then name), its base name for others. */
const tagModels = (models: ModelFiles[]): Candidate[] => {
  const depth = ({ stem }: ModelFiles) => stem.split("/").length;
  const sorted = [...models].sort((a, b) => depth(a) - depth(b) || (a.stem < b.stem ? -1 : 1));
  const taken = new Set<string>();
  return sorted.flatMap(({ stem, parts }) => {
    const quantization = quantOf(stem);
    const tags = [quantization, baseName(stem), stem.replaceAll("/", "_")];
    const tag = tags.find((text) => text !== undefined && isTag(text) && !taken.has(text.toLowerCase()));
    if (tag === undefined) return []; // a name that cannot be typed or stored
    taken.add(tag.toLowerCase());
    return [quantization === undefined ? { parts, tag } : { parts, tag, quantization }];
  });
};

const quantOf = (stem: string): string | undefined => findQuantization(`${stem}.gguf`);

const isTag = (tag: string) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(tag) && !tag.includes("..") && !tag.endsWith(".");

const rank = ({ tag }: Candidate) => {
  const place = preferred.indexOf(tag);
  return place === -1 ? preferred.length : place;
};

const byPreference = (a: Candidate, b: Candidate): number =>
  rank(a) - rank(b) || sizeOf(a) - sizeOf(b) || (a.tag < b.tag ? -1 : 1);

const sizeOf = ({ parts }: Candidate): number => parts.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);

const baseName = (path: string) => path.split("/").at(-1) ?? path;

const list = (candidates: Candidate[]): string => {
  const tags = candidates.map(({ tag }) => tag);
  if (tags.length === 0) return "nothing";
  return tags.slice(0, tagsShownMax).join(", ") + (tags.length > tagsShownMax ? ", ..." : "");
};

const noGguf = (repository: Repository): AppError => {
  const id = `${repository.org}/${repository.name}`;
  const safetensors = repository.files.some(({ path }) => path.endsWith(".safetensors"));
  return new AppError(
    "unsupported",
    safetensors
      ? `model "${id}" has neither a GGUF file nor weights as transformers saves them (model.safetensors); choose a GGUF repository`
      : `model "${id}" has no GGUF file; choose a GGUF repository`,
  );
};
