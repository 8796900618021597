export interface RepositoryFile {
  path: string;
  /** Absent when the Hub (a mirror) does not say. */
  sizeBytes?: number;
  /** 64 hexadecimal digits; large files have one. */
  sha256?: string;
  /** Git's object id, 40 hexadecimal digits; of a large file it is the pointer's and says nothing about the content. */
  gitSha1?: string;
}

/** Keeps what is well-formed of what a Hub says about a file. */
export const describeFile = (
  path: string,
  { size, sha256, gitSha1 }: { size?: unknown; sha256?: unknown; gitSha1?: unknown },
): RepositoryFile => ({
  path,
  ...(Number.isSafeInteger(size) && (size as number) >= 0 ? { sizeBytes: size as number } : {}),
  ...(typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {}),
  ...(typeof gitSha1 === "string" && /^[0-9a-f]{40}$/.test(gitSha1) ? { gitSha1 } : {}),
});

/** A relative path without tricks; the rule of huggingface_hub's validators. */
export const isSafePath = (path: string): boolean =>
  path.length <= 1000 &&
  path.isWellFormed() && // else it cannot stand in a URL
  !/[\p{Cc}\\]|^[A-Za-z]:/u.test(path) &&
  path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
