import { statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import { isDigest } from "./manifest.ts";

/** Where Ollama has a blob now, and where it had it before 0.1.29. Throws `invalid_argument` for what is no digest. */
const blobPaths = (root: string, digest: string): string[] => {
  if (!isDigest(digest)) throw new AppError("invalid_argument", `invalid digest "${digest.slice(0, 100)}"`);
  return [digest.replace(":", "-"), digest].map((name) => join(root, "blobs", name));
};

/** Path of a blob that is there; undefined when it is not. */
export const findOllamaBlob = (root: string, digest: string): string | undefined =>
  blobPaths(root, digest).find((path) => isFile(path));

const isFile = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false; // a folder on the way that may not be entered
  }
};
