import { readBounded } from "./bounded-body.ts";
import { checkContent, contentHasher, contentId } from "./content-id.ts";
import type { HubContext } from "./hub-context.ts";
import { hubRequest } from "./hub-request.ts";
import type { Repository } from "./repository.ts";

const licenseMaxBytes = 1024 * 1024; // the longest are about 30 KB

export interface LicenseFile {
  path: string;
  bytes: Uint8Array;
  sha256: string;
}

/** The repository's license text, verified; undefined when it has none or it cannot be had, which must not stop a pull. */
export const fetchLicense = async (context: HubContext, repository: Repository): Promise<LicenseFile | undefined> => {
  const file = repository.files.find(({ path }) => /^licen[cs]e(\.(txt|md))?$/i.test(path));
  if (!file || (file.sizeBytes ?? 0) > licenseMaxBytes) return undefined;
  const { org, name, commit } = repository;
  const path = encodeURIComponent(file.path);
  try {
    const { response, elsewhere } = await hubRequest(
      context,
      `${context.settings.endpoint}/${org}/${name}/resolve/${encodeURIComponent(commit)}/${path}`,
      { repository: `${org}/${name}`, file: file.path },
    );
    if (elsewhere !== undefined) return undefined; // a text that is kept as a large file is no license text
    const bytes = await readBounded(response, licenseMaxBytes, file.path);
    const id = contentId(repository, file);
    const hasher = contentHasher(bytes.length, id.algorithm);
    hasher.update(bytes);
    const hashes = hasher.digest();
    checkContent(id, hashes, `"${file.path}"`);
    return { path: file.path, bytes, sha256: hashes.sha256 };
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`no license text of ${org}/${name}: ${(error as Error).message}`);
    return undefined;
  }
};
