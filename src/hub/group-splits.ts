import type { RepositoryFile } from "./repository-file.ts";

/** A model as the repository holds it: one file, or all parts of a split one in order. */
export interface ModelFiles {
  /** Path of the one file, or of a part without what numbers it; without `.gguf`. */
  stem: string;
  parts: RepositoryFile[];
  /** Part numbers that the repository lacks: the model cannot be used. */
  missing: number[];
}

// llama.cpp's name of a part (llama_split_path).
const part = /-(\d{5})-of-(\d{5})\.gguf$/i;
const partsMax = 1_000; // far above what anybody splits into; a wrong name must not make us count to 99,999

/** Puts the parts of split models together; pure. */
export const groupSplits = (files: readonly RepositoryFile[]): ModelFiles[] => {
  const whole = files
    .filter(({ path }) => !part.test(path))
    .map((file) => ({ stem: file.path.replace(/\.gguf$/i, ""), parts: [file], missing: [] }));
  const splits = new Map<string, { stem: string; count: number; parts: Map<number, RepositoryFile> }>();
  for (const file of files) {
    const [suffix = "", number, count] = part.exec(file.path) ?? [];
    if (!suffix || Number(count) > partsMax) continue;
    const stem = file.path.slice(0, -suffix.length);
    const key = `${stem}/${count}`;
    const split = splits.get(key) ?? { stem, count: Number(count), parts: new Map<number, RepositoryFile>() };
    split.parts.set(Number(number), file);
    splits.set(key, split);
  }
  return [...whole, ...[...splits.values()].map(inOrder)];
};

const inOrder = ({ stem, count, parts }: { stem: string; count: number; parts: Map<number, RepositoryFile> }) => {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return {
    stem,
    parts: numbers.flatMap((number) => parts.get(number) ?? []),
    missing: numbers.filter((number) => !parts.has(number)),
  };
};
