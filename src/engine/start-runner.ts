import type { Config } from "../config/config.ts";
import type { Log } from "../core/log.ts";
import { hiddenCommand } from "../native/hidden-command.ts";
import { resolveNativeDir } from "../native/native-dir.ts";
import { spawnRunner } from "../runner/spawn.ts";
import type { EngineRunner } from "./types.ts";

/** Starts a runner: this program again, told where the native libraries lie. Throws `load_failed` when there are none. */
export const startRunner = async ({ cacheDir, environment }: Config, log: Log): Promise<EngineRunner> => {
  const nativeDir = await resolveNativeDir(cacheDir);
  return spawnRunner({ command: hiddenCommand("__runner", nativeDir), env: environment, log });
};
