import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Patient } from "../examine.ts";
import { type Found, ok, problem, warning } from "../finding.ts";

interface Folder {
  what: string;
  path: string;
  /** What names another; for the advice. */
  variable: string;
  /** Somebody else's: only read, and often not there. */
  foreign?: boolean;
}

export const checkFolders = async ({ config }: Patient): Promise<Found[]> => {
  const { modelsDir, cacheDir, historyFile, ollamaDirs, hub } = config;
  const folders: Folder[] = [
    { what: "models", path: modelsDir, variable: "LLMLB_MODELS" },
    { what: "home", path: dirname(historyFile), variable: "HOME" },
    { what: "cache", path: cacheDir, variable: "LLMLB_CACHE" },
    ...ollamaDirs.map((path) => ({ what: "Ollama's models", path, variable: "OLLAMA_MODELS", foreign: true })),
    ...(hub.cacheDir === undefined
      ? []
      : [{ what: "Hugging Face's cache", path: hub.cacheDir, variable: "HF_HUB_CACHE", foreign: true }]),
  ];
  return await Promise.all(folders.map(look));
};

const look = async ({ what, path, variable, foreign = false }: Folder): Promise<Found> => {
  const { R_OK, W_OK, X_OK } = constants;
  const fault = await faultOf(path, foreign ? R_OK | X_OK : R_OK | W_OK | X_OK);
  if (fault === undefined) return ok(`${what}: ${path}`);
  if (fault !== "missing") return (foreign ? warning : problem)(`${what}: ${path} ${fault}`, adviceOn(variable));
  if (foreign) return ok(`${what}: none at ${path}`);
  const parent = await existingParent(path);
  const parentFault = await faultOf(parent, W_OK | X_OK);
  return parentFault === undefined
    ? ok(`${what}: ${path} (made when it is needed)`)
    : problem(`${what}: ${path} cannot be made: ${parent} ${parentFault}`, adviceOn(variable));
};

const adviceOn = (variable: string): string => `mend its owner and mode, or name another folder in ${variable}`;

/** Why a folder cannot be used, after its path; undefined when it can. */
const faultOf = async (path: string, mode: number): Promise<string | undefined> => {
  try {
    if (!(await stat(path)).isDirectory()) return "is not a folder";
    await access(path, mode);
    return undefined;
  } catch (error) {
    return reasons[(error as NodeJS.ErrnoException).code ?? ""] ?? `cannot be used: ${(error as Error).message}`;
  }
};

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "missing",
  ENOTDIR: "is below a file",
  EACCES: "may not be read or written by this user",
  EPERM: "may not be read or written by this user",
  EROFS: "is on a disk that is mounted read-only",
};

const existingParent = async (path: string): Promise<string> => {
  for (let current = dirname(path); ; current = dirname(current)) {
    if (current === dirname(current) || (await faultOf(current, constants.F_OK)) !== "missing") return current;
  }
};
