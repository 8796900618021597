import { open } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import { getFileTypeNumber } from "../gguf/file-types.ts";
import { modelFacts } from "../gguf/model-facts.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import { isRefusal, startLlama } from "./llama.ts";
import { usableCores } from "./usable-cores.ts";

export interface QuantizeOptions {
  /** Holds llama.cpp's libraries and the bridge. */
  nativeDir: string;
  /** A GGUF file of floats. */
  input: string;
  /** Created or overwritten; whole and on the disk when the promise resolves. */
  output: string;
  /** As files are named, e.g. `Q4_K_M`. */
  type: string;
  /** Default: as many as compute an answer. */
  threads?: number;
  /** Called with the share of the weights that are done, 0 to 1. */
  onProgress?: (fraction: number) => void;
}

/**
 * Writes a model with its weights in another type, by llama.cpp in this process: it cannot be interrupted, so whoever gives up ends
 * the process. Returns llama.cpp's version. Throws `corrupt` for a file that llama.cpp must not see, `disk_full`, `internal`.
 */
export const quantizeModel = async (options: QuantizeOptions): Promise<{ llamaCpp: string }> => {
  const { nativeDir, input, output, type, onProgress } = options;
  const fileType = getFileTypeNumber(type);
  // llama.cpp aborts on some broken files that our own reader refuses.
  const { parameterCount } = modelFacts(await readGgufHeader(input, { arrayItemsMax: 0 }));
  const { native } = startLlama({ nativeDir, logLevel: 0, gpu: "cpu" });
  const threads = options.threads ?? usableCores(native.mathCores());
  try {
    await native.quantize({ input, output, fileType, threads }, (weights) => onProgress?.(weights / parameterCount));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw quantizeFailure(type, (error as Error).message);
  }
  const file = await open(output, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return { llamaCpp: native.llamaVersion() };
};

/** llama.cpp tells of a full disk by the stream's own words only. */
const quantizeFailure = (type: string, message: string): AppError => {
  const reason = message.replace(/^.*failed to quantize: /, "");
  return /iostream error|No space left/i.test(reason)
    ? new AppError("disk_full", `cannot write the model while quantizing to ${type}: is the disk full? (${reason})`)
    : new AppError("internal", `cannot quantize to ${type}: ${reason}`);
};
