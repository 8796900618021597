import { readFileSync, statSync } from "node:fs";

/** A small file's content; undefined when it is not there, no plain file (a pipe would never end), unreadable or larger than `bytesMax`. */
export const readBounded = (path: string, bytesMax: number): Buffer | undefined => {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= bytesMax ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
};
