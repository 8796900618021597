import { findQuantization } from "../gguf/quantization.ts";
import type { RepositoryFile } from "./repository-file.ts";

/**
 * The multimodal projector that belongs to the model at `modelPath`, by llama.cpp's rule: in the model's folder or one above, the
 * nearest folder first, then the one whose quantization is nearest to the model's. Undefined where there is none; pure.
 */
export const chooseProjector = (files: readonly RepositoryFile[], modelPath: string): RepositoryFile | undefined => {
  const folder = foldersOf(modelPath);
  const bits = bitsOf(modelPath);
  return files
    .filter(({ path }) => /mmproj/i.test(baseName(path)) && /\.gguf$/i.test(path) && isAbove(foldersOf(path), folder))
    .sort((a, b) => depth(b) - depth(a) || distance(a, bits) - distance(b, bits) || (a.path < b.path ? -1 : 1))[0];
};

const foldersOf = (path: string): string[] => path.split("/").slice(0, -1);
const baseName = (path: string): string => path.split("/").at(-1) ?? path;
const depth = ({ path }: RepositoryFile): number => foldersOf(path).length;
const isAbove = (above: string[], folder: string[]): boolean => above.every((name, index) => folder[index] === name);
const distance = ({ path }: RepositoryFile, bits: number): number => Math.abs(bitsOf(path) - bits);

/** Bits of a weight, as the name of a quantization says it; 0 where it names none. */
const bitsOf = (path: string): number => Number(/\d+/.exec(findQuantization(path) ?? "")?.[0] ?? 0);
