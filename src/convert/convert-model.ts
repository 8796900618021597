import { AppError } from "../core/errors.ts";

export interface ConvertOptions {
  /** Folder of the repository: config.json, the tokenizer's files and the weights. */
  dir: string;
  /** The GGUF file; it appears whole, by a rename, or not at all. */
  output: string;
  type: "BF16" | "F16" | "F32";
  /** `general.name`; default: the folder's name. */
  name?: string;
  signal?: AbortSignal;
  /** Called with the bytes of the file that are written, after each block. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Converts the repository in folder `dir` to one GGUF file at `output`. Bounded memory. Throws AppError. */
export const convertModel = async ({ dir }: ConvertOptions): Promise<void> => {
  throw new AppError("unsupported", `${dir}: no architecture is converted yet`);
};
