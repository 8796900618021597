import { linkSync, mkdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { StoredFile } from "./manifest.ts";
import type { StoreLayout } from "./store-layout.ts";

/**
 * Path of the first part of a split model, beside the others under names that llama.cpp finds them by. They are links to the blobs, made when
 * they are missing; hard ones where the file system has them.
 */
export const linkParts = (layout: StoreLayout, parts: readonly StoredFile[]): string => {
  const folder = layout.split(parts[0]?.digest ?? "");
  const number = (value: number) => String(value).padStart(5, "0");
  mkdirSync(folder, { recursive: true });
  const paths = parts.map(({ digest }, index) => {
    const path = join(folder, `model-${number(index + 1)}-of-${number(parts.length)}.gguf`);
    link(layout.blob(digest), path);
    return path;
  });
  return paths[0] ?? "";
};

const link = (blob: string, path: string): void => {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.ino === statSync(blob).ino) return;
  rmSync(path, { force: true }); // the model has another part by now
  try {
    linkSync(blob, path);
  } catch {
    symlinkSync(blob, path);
  }
};
