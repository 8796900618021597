import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * When Ollama's models were last used here. Its own folder is never written to, so each use is the time of a small file in llmlb's
 * store, which is named by a hash of the model's name and holds that name.
 */
export interface OllamaUses {
  /** Milliseconds since the epoch, by key. */
  read(): Map<string, number>;
  /** Throws an error of the file system. */
  write(name: string, nowMs: number): void;
}

export const ollamaUseKey = (name: string): string => Bun.CryptoHasher.hash("sha256", name, "hex");

export const ollamaUses = (dir: string): OllamaUses => ({
  read: () => new Map(namesIn(dir).flatMap((key) => useOf(dir, key))),
  write(name, nowMs) {
    const path = join(dir, ollamaUseKey(name));
    try {
      utimesSync(path, nowMs / 1000, nowMs / 1000);
    } catch {
      mkdirSync(dir, { recursive: true });
      writeFileSync(path, `${name}\n`);
      utimesSync(path, nowMs / 1000, nowMs / 1000);
    }
  },
});

const namesIn = (dir: string): string[] => {
  try {
    return readdirSync(dir);
  } catch {
    return []; // none was used yet
  }
};

const useOf = (dir: string, key: string): [string, number][] => {
  const mtimeMs = statSync(join(dir, key), { throwIfNoEntry: false })?.mtimeMs;
  return mtimeMs === undefined ? [] : [[key, mtimeMs]];
};
