import type { NewFile } from "../store/publish-model.ts";
import { readBounded } from "./bounded-body.ts";
import { checkContent, contentHasher, contentId } from "./content-id.ts";
import type { HubContext } from "./hub-context.ts";
import { hubRequest } from "./hub-request.ts";
import type { PlannedFile } from "./pull-plan.ts";
import type { Repository } from "./repository.ts";

export const textMaxBytes = 1024 * 1024; // the longest licenses are about 30 KB, templates 20 KB

/** A small text of the repository, verified; empty when it cannot be had, which must not stop a pull. */
export const fetchText = async (
  context: HubContext,
  repository: Repository,
  { role, file }: PlannedFile,
): Promise<NewFile[]> => {
  const { org, name, commit } = repository;
  const path = encodeURIComponent(file.path);
  try {
    const { response, elsewhere } = await hubRequest(
      context,
      `${context.settings.endpoint}/${org}/${name}/resolve/${encodeURIComponent(commit)}/${path}`,
      { repository: `${org}/${name}`, file: file.path },
    );
    if (elsewhere !== undefined) return []; // a text that is kept as a large file is none of these
    const bytes = await readBounded(response, textMaxBytes, file.path);
    const id = contentId(repository, file);
    const hasher = contentHasher(bytes.length, id.algorithm);
    hasher.update(bytes);
    const hashes = hasher.digest();
    checkContent(id, hashes, `"${file.path}"`);
    const digest = `sha256:${hashes.sha256}`;
    return [{ role, name: file.path, digest, sizeBytes: bytes.length, content: { kind: "bytes", bytes } }];
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`no ${role} text of ${org}/${name}: ${(error as Error).message}`);
    return [];
  }
};
