import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { bridgeFile, platformName } from "./native-dir.ts";

/** Backends whose libraries are too large to be part of the executable, best first. */
export const packBackends = ["cuda", "vulkan"] as const;
export type PackBackend = (typeof packBackends)[number];

export const isPackBackend = (name: string): boolean => packBackends.some((backend) => backend === name);

/**
 * The folder that holds llama.cpp's libraries and the bridge for a GPU backend, undefined where they are not installed:
 * `native/<platform>-<backend>` beside the executable, then `gpu/<platform>-<backend>` below `cacheDir`, then a build's.
 */
export const findGpuPack = (backend: PackBackend, cacheDir: string): string | undefined => {
  const name = `${platformName()}-${backend}`;
  const places = [
    join(dirname(realpathSync(process.execPath)), "native", name),
    join(cacheDir, "gpu", name),
    join(import.meta.dir, "../../build/native", name),
  ];
  return places.find((place) => existsSync(join(place, bridgeFile)));
};
