import { AppError } from "../core/errors.ts";
import type { HubRef } from "../core/model-ref.ts";
import { findQuantization } from "../gguf/quantization.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";

/** The file that a name means. */
export interface FileChoice {
  file: RepositoryFile;
  /** Identifies the file among its repository's: its quantization, else its base name. */
  tag: string;
  /** Tag of the file that the bare `org/name` means. */
  defaultTag: string;
  quantization?: string;
}

interface Candidate {
  file: RepositoryFile;
  tag: string;
  quantization?: string;
}

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
const shard = /-(\d{5})-of-(\d{5})\.gguf$/i;
const tagsShownMax = 40;

/** Chooses the file that `ref` means among the repository's; pure. Throws with a list of what there is. */
export const chooseFile = (repository: Repository, ref: HubRef): FileChoice => {
  const models = repository.files.filter(({ path }) => /\.gguf$/i.test(path) && !noModel.test(baseName(path)));
  const whole = models.filter(({ path }) => !shard.test(path));
  if (models.length === 0) throw noGguf(repository);
  const candidates = tagFiles(whole);
  const standard = [...candidates].sort(byPreference)[0];
  const id = `${repository.org}/${repository.name}`;
  if (!standard && ref.file === undefined && ref.quant === undefined) throw onlySplit(id, models, candidates);
  const chosen = pick(repository, ref, models, candidates, standard);
  return { ...chosen, defaultTag: standard?.tag ?? chosen.tag };
};

const pick = (
  repository: Repository,
  ref: HubRef,
  models: RepositoryFile[],
  candidates: Candidate[],
  standard: Candidate | undefined,
): Candidate => {
  const id = `${repository.org}/${repository.name}`;
  if (ref.file !== undefined) return pickFile(repository, ref.file, candidates);
  if (ref.quant === undefined && standard) return standard;
  const wanted = (ref.quant ?? "").toLowerCase();
  const found = candidates.find(({ tag }) => tag.toLowerCase() === wanted);
  if (found) return found;
  if (models.some(({ path }) => shard.test(path) && findQuantization(path)?.toLowerCase() === wanted))
    throw onlySplit(`${id}:${ref.quant}`, models, candidates);
  throw new AppError("model_not_found", `model "${id}" has no quantization "${ref.quant}"; it has ${list(candidates)}`);
};

const pickFile = (repository: Repository, wanted: string, candidates: Candidate[]): Candidate => {
  const path = wanted.toLowerCase();
  const id = `${repository.org}/${repository.name}`;
  const file =
    repository.files.find((other) => other.path.toLowerCase() === path) ??
    repository.files.find((other) => other.path.toLowerCase().endsWith(`/${path}`));
  if (!file) throw new AppError("not_found", `file "${wanted}" not found in "${id}"; it has ${list(candidates)}`);
  if (shard.test(file.path)) throw onlySplit(`${id}:${wanted}`, [file], candidates);
  const candidate = candidates.find((other) => other.file === file);
  if (!candidate) throw new AppError("unsupported", `"${wanted}" of "${id}" is not a model file`);
  return candidate;
};

/** One tag per file: its quantization for the first file that has it (by depth, then name), its base name for others. */
const tagFiles = (files: RepositoryFile[]): Candidate[] => {
  const depth = ({ path }: RepositoryFile) => path.split("/").length;
  const sorted = [...files].sort((a, b) => depth(a) - depth(b) || (a.path < b.path ? -1 : 1));
  const taken = new Set<string>();
  return sorted.flatMap((file) => {
    const quantization = findQuantization(file.path);
    const stem = file.path.replace(/\.gguf$/i, "");
    const tags = [quantization, baseName(stem), stem.replaceAll("/", "_")];
    const tag = tags.find((text) => text !== undefined && isTag(text) && !taken.has(text.toLowerCase()));
    if (tag === undefined) return []; // a name that cannot be typed or stored
    taken.add(tag.toLowerCase());
    return [quantization === undefined ? { file, tag } : { file, tag, quantization }];
  });
};

const isTag = (tag: string) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(tag) && !tag.includes("..") && !tag.endsWith(".");

const rank = ({ tag }: Candidate) => {
  const place = preferred.indexOf(tag);
  return place === -1 ? preferred.length : place;
};

const byPreference = (a: Candidate, b: Candidate): number =>
  rank(a) - rank(b) || (a.file.sizeBytes ?? 0) - (b.file.sizeBytes ?? 0) || (a.tag < b.tag ? -1 : 1);

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
      ? `model "${id}" has only safetensors files and converting them is not available yet; choose a GGUF repository of this model`
      : `model "${id}" has no GGUF file; choose a GGUF repository`,
  );
};

const onlySplit = (what: string, models: RepositoryFile[], candidates: Candidate[]): AppError => {
  const parts = models.map(({ path }) => Number(shard.exec(path)?.[2] ?? 0));
  return new AppError(
    "unsupported",
    `"${what}" is split into ${Math.max(...parts)} files, which is not supported yet; in a single file there is ${list(candidates)}`,
  );
};
