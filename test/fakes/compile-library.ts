import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Compiles a C file to a shared library called `name`; returns the new folder that holds it. */
export const compileLibrary = (source: string, name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "llmlb-library-"));
  const command = ["c++", "-x", "c", "-shared", "-fPIC", "-o", join(folder, name), source];
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${source} does not compile: ${stderr}`);
  return folder;
};
