import type { Config } from "../config/config.ts";
import type { Log } from "../core/log.ts";
import { hiddenCommand } from "../native/hidden-command.ts";
import { resolveNativeDir } from "../native/native-dir.ts";
import { spawnRunner } from "../runner/spawn.ts";
import type { EngineRunner } from "./types.ts";

/** Starts a runner: this program again, told where the native libraries lie. Throws `load_failed` when there are none. */
export const startRunner = async (config: Config, log: Log): Promise<EngineRunner> => {
  const { cacheDir, environment, loadTimeoutMs, stallTimeoutMs } = config;
  const nativeDir = await resolveNativeDir(cacheDir);
  const command = hiddenCommand("__runner", nativeDir);
  return spawnRunner({ command, env: environment, log, loadTimeoutMs, stallTimeoutMs });
};
