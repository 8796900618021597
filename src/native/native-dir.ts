import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../core/errors.ts";
import { embeddedFiles } from "./embedded.ts";
import { extract } from "./extract.ts";

/** Folder name of this platform's libraries, as node-llama-cpp names its packs. */
export const platformName = (platform = process.platform, arch = process.arch): string => {
  const os = platform === "darwin" ? "mac" : platform === "win32" ? "win" : platform;
  return os === "mac" && arch === "arm64" ? "mac-arm64-metal" : `${os}-${arch}`;
};

export const bridgeFile = "bridge.node";

/**
 * The folder that holds llama.cpp's libraries and the bridge for this platform: `native/<platform>` beside the executable
 * where there is one, otherwise the embedded files (extracted once below `cacheDir`), in development `build/native/<platform>`.
 * Throws `load_failed` when there is none.
 */
export const resolveNativeDir = async (cacheDir: string): Promise<string> => {
  const beside = join(dirname(realpathSync(process.execPath)), "native", platformName());
  if (existsSync(join(beside, bridgeFile))) return beside;
  if (embeddedFiles.length > 0) return await extract(embeddedFiles, join(cacheDir, "native"), platformName());
  const built = join(import.meta.dir, "../../build/native", platformName());
  if (existsSync(join(built, bridgeFile))) return built;
  throw new AppError("load_failed", `no native libraries for ${platformName()}; build them with "bun run native"`);
};
