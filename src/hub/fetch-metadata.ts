import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { readBounded } from "./bounded-body.ts";
import type { PlannedConversion } from "./choose-conversion.ts";
import { checkContent, contentHasher, contentId } from "./content-id.ts";
import type { HubContext } from "./hub-context.ts";
import { hubRequest } from "./hub-request.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";

const fileMaxBytes = 64 * 1024 * 1024; // the largest tokenizers have 35 MB
const movesMax = 3;

/**
 * Configuration and tokenizer of a repository, verified, by their names; what an earlier attempt has left in `kept` is not asked for again.
 * Writes nothing.
 */
export const fetchMetadata = async (
  context: HubContext,
  repository: Repository,
  { metadata }: PlannedConversion,
  kept: string,
): Promise<Map<string, Uint8Array>> => {
  const files = new Map<string, Uint8Array>();
  for (const file of metadata)
    files.set(file.path, (await readKept(repository, file, kept)) ?? (await fetchOne(context, repository, file)));
  return files;
};

const readKept = async (
  repository: Repository,
  file: RepositoryFile,
  kept: string,
): Promise<Uint8Array | undefined> => {
  try {
    const bytes = await readFile(join(kept, file.path));
    if (contentId(repository, file).algorithm === "none") return undefined;
    verify(repository, file, bytes);
    return bytes;
  } catch {
    return undefined; // not there, or not what the repository has now
  }
};

const fetchOne = async (context: HubContext, repository: Repository, file: RepositoryFile): Promise<Uint8Array> => {
  const { org, name, commit } = repository;
  const { path, sizeBytes = 0 } = file;
  if (sizeBytes > fileMaxBytes)
    throw new AppError("unsupported", `${path} of "${org}/${name}" is too large to be read: ${formatBytes(sizeBytes)}`);
  let url = `${context.settings.endpoint}/${org}/${name}/resolve/${encodeURIComponent(commit)}/${encodeURIComponent(path)}`;
  for (let moves = 0; moves <= movesMax; moves++) {
    // Large tokenizers lie where large files do; the token does not go there.
    const { response, elsewhere } = await hubRequest(context, url, { repository: `${org}/${name}`, file: path });
    if (elsewhere === undefined) {
      const bytes = await readBounded(response, fileMaxBytes, path);
      verify(repository, file, bytes);
      return bytes;
    }
    url = elsewhere;
  }
  throw new AppError("hub_unavailable", `${context.settings.endpoint} redirects in a circle for ${path}`);
};

const verify = (repository: Repository, file: RepositoryFile, bytes: Uint8Array): void => {
  const id = contentId(repository, file);
  const hasher = contentHasher(bytes.length, id.algorithm);
  hasher.update(bytes);
  checkContent(id, hasher.digest(), `"${file.path}"`);
};
