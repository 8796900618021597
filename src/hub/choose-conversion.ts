import { createHash } from "node:crypto";
import { converterVersion } from "../convert/converter-version.ts";
import { metadataFiles, weightFiles } from "../convert/plan-conversion.ts";
import {
  defaultQuantization,
  findQuantizationTarget,
  type Quantization,
  quantizations,
} from "../convert/quantizations.ts";
import { AppError } from "../core/errors.ts";
import type { HubRef } from "../core/model-ref.ts";
import { type FileChoice, ggufModels } from "./choose-file.ts";
import { contentId } from "./content-id.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";

/** How a model is made of a repository's files. */
export interface PlannedConversion {
  /** Of what goes in, and of how it is converted: the same id, the same floats come out. */
  id: string;
  type: Quantization;
  /** Configuration, tokenizer and the like: they say what the weights are. */
  metadata: RepositoryFile[];
}

/** What to convert where a repository has no GGUF but weights as transformers saves them; pure. Undefined for every other repository. */
export const chooseConversion = (
  repository: Repository,
  ref: HubRef,
): (FileChoice & { conversion: PlannedConversion }) | undefined => {
  const { files } = repository;
  if (ggufModels(repository).length > 0) return undefined;
  const paths = files.map(({ path }) => path);
  const wanted = new Set(weightFiles(paths));
  const isShard = ({ path }: RepositoryFile) => /\.safetensors$/.test(path);
  const parts = files.filter((file) => wanted.has(file.path) && isShard(file)).sort(byPath);
  if (parts.length === 0) return undefined;
  const small = new Set([...metadataFiles(paths), ...wanted]);
  const metadata = files.filter((file) => small.has(file.path) && !isShard(file)).sort(byPath);
  const type = typeFor(repository, ref);
  return {
    parts,
    tag: type,
    defaultTag: defaultQuantization,
    quantization: type,
    conversion: { id: idOf(repository, [...parts, ...metadata]), type, metadata },
  };
};

const byPath = (a: RepositoryFile, b: RepositoryFile): number => (a.path < b.path ? -1 : 1);

const typeFor = ({ org, name }: Repository, { quant, file }: HubRef): Quantization => {
  const id = `${org}/${name}`;
  const made = `it has safetensors, of which can be made ${quantizations.join(", ")}`;
  if (file !== undefined) throw new AppError("not_found", `file "${file}" not found in "${id}"; ${made}`);
  const type = quant === undefined ? defaultQuantization : findQuantizationTarget(quant);
  if (type === undefined)
    throw new AppError("model_not_found", `model "${id}" has no quantization "${quant}"; ${made}`);
  return type;
};

const idOf = (repository: Repository, files: readonly RepositoryFile[]): string => {
  const hash = createHash("sha256").update(`${converterVersion} ${repository.org}/${repository.name}\n`);
  for (const file of files) hash.update(`${file.path} ${contentId(repository, file).partialId}\n`);
  return hash.digest("hex");
};
