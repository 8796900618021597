import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs the C++ compiler that the README asks for. Throws with what it says. */
export const compile = (args: string[]): void => {
  const { exitCode, stderr } = Bun.spawnSync(["c++", ...args]);
  if (exitCode !== 0) throw new Error(`c++ ${args.join(" ")}:\n${stderr}`);
};

/** Compiles a C file to a shared library called `name`; returns the new folder that holds it. */
export const compileLibrary = (source: string, name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "llmlb-library-"));
  compile(["-x", "c", "-shared", "-fPIC", "-o", join(folder, name), source]);
  return folder;
};
