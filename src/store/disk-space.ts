import { statfsSync } from "node:fs";
import { dirname } from "node:path";

export interface DiskSpace {
  readonly totalBytes: number;
  /** What this user may still write. */
  readonly freeBytes: number;
}

/** Of the disk where `folder` is or will be; undefined where the system does not tell. */
export const diskSpace = (folder: string): DiskSpace | undefined => {
  try {
    const { blocks, bavail, bsize } = statfsSync(folder);
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch {
    const parent = dirname(folder);
    return parent === folder ? undefined : diskSpace(parent);
  }
};
