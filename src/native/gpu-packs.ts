import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { version } from "../core/version.ts";
import { bridgeFile, platformName } from "./native-dir.ts";

/** Backends whose libraries are too large to be part of the executable, best first. */
export const packBackends = ["cuda", "vulkan"] as const;
export type PackBackend = (typeof packBackends)[number];

export const isPackBackend = (name: string): name is PackBackend => packBackends.some((backend) => backend === name);

/** Beside the libraries that `llmlb gpu install` brings: the version that they belong to. */
export const packVersionFile = "llmlb-version";

/** The folder of a backend's libraries in a folder such as `native`. */
export const packName = (backend: PackBackend): string => `${platformName()}-${backend}`;

/**
 * The folder that holds llama.cpp's libraries and the bridge for a GPU backend, undefined where they are not installed:
 * `native/<platform>-<backend>` beside the executable, then `gpu/<platform>-<backend>` below `cacheDir`, then a build's.
 */
export const findGpuPack = (backend: PackBackend, cacheDir: string): string | undefined => {
  const name = packName(backend);
  const places = [
    join(dirname(realpathSync(process.execPath)), "native", name),
    join(cacheDir, "gpu", name),
    join(import.meta.dir, "../../build/native", name),
  ];
  return places.find(isUsable);
};

/** The backends whose libraries lie in `native` in the folder of an executable. */
export const findPacksBeside = (executableDir: string): PackBackend[] =>
  packBackends.filter((backend) => existsSync(join(executableDir, "native", packName(backend), bridgeFile)));

/** Bridge and executable speak to each other, so those of another version must not meet. Folders that say nothing came with their executable. */
const isUsable = (place: string): boolean =>
  existsSync(join(place, bridgeFile)) && (packVersionIn(place) ?? version) === version;

/** The version that the libraries in a folder belong to, where they say so. */
export const packVersionIn = (place: string): string | undefined => {
  try {
    return readFileSync(join(place, packVersionFile), "utf8").trim();
  } catch {
    return undefined;
  }
};
