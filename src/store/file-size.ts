import { stat } from "node:fs/promises";

/** Bytes of a file; undefined when it is not there. */
export const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
};
