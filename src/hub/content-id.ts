import { createHash } from "node:crypto";
import { AppError } from "../core/errors.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";
import type { FileLocation } from "./resolve-file.ts";

/** What a file's bytes must be, as far as the Hub tells before they are here. */
export interface ContentId {
  /** How the bytes are checked; `none` when a mirror gives no hash at all. */
  algorithm: "sha256" | "git-sha1" | "none";
  hex: string;
  /** Name of the unfinished download: the same content goes on where it stopped, other content never does. */
  partialId: string;
}

export const contentId = (repository: Repository, file: RepositoryFile, location?: FileLocation): ContentId => {
  const { etag } = location ?? {};
  const sha256 = file.sha256 ?? (etag !== undefined && /^[0-9a-f]{64}$/.test(etag) ? etag : undefined);
  if (sha256 !== undefined) return { algorithm: "sha256", hex: sha256, partialId: `sha256-${sha256}` };
  if (file.gitSha1 !== undefined) return { algorithm: "git-sha1", hex: file.gitSha1, partialId: `git-${file.gitSha1}` };
  const place = `${repository.org}/${repository.name}/${repository.commit}/${file.path}/${etag ?? ""}`;
  const hex = createHash("sha256").update(place).digest("hex");
  return { algorithm: "none", hex, partialId: `etag-${hex}` };
};

export interface ContentHashes {
  sha256: string;
  /** Git's object id of the same bytes. */
  gitSha1: string;
}

/** Hashes bytes both ways, piece by piece. */
export const contentHasher = (sizeBytes: number, algorithm: ContentId["algorithm"]) => {
  const sha256 = new Bun.CryptoHasher("sha256");
  const git = algorithm === "git-sha1" ? new Bun.CryptoHasher("sha1").update(`blob ${sizeBytes}\0`) : undefined;
  return {
    update(bytes: Uint8Array) {
      sha256.update(bytes);
      git?.update(bytes);
    },
    digest: (): ContentHashes => ({ sha256: sha256.digest("hex"), gitSha1: git?.digest("hex") ?? "" }),
  };
};

/** Throws `corrupt` when the hashes are not those that the Hub promised. */
export const checkContent = (id: ContentId, hashes: ContentHashes, what: string): void => {
  const found = id.algorithm === "git-sha1" ? hashes.gitSha1 : hashes.sha256;
  if (id.algorithm === "none" || found === id.hex) return;
  throw new AppError(
    "corrupt",
    `${what} arrived damaged: its ${id.algorithm} is ${found} instead of ${id.hex}; nothing of it was kept`,
  );
};
