import type { Config } from "../config/config.ts";
import { spawnConverter } from "../convert/spawn-converter.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { createPuller, type Puller } from "../hub/puller.ts";
import { hiddenCommand } from "../native/hidden-command.ts";
import { resolveNativeDir } from "../native/native-dir.ts";
import type { Store } from "../store/open-store.ts";

export interface NodePullerOptions {
  config: Config;
  store: Store;
  clock: Clock;
  log: Log;
}

/** A puller that converts with this executable. */
export const nodePuller = ({ config, store, clock, log }: NodePullerOptions): Puller => {
  const command = async () => hiddenCommand("__convert", await resolveNativeDir(config.cacheDir));
  const converter = spawnConverter({ command, env: config.environment, log });
  return createPuller({ store, settings: config.hub, clock, log, converter, threads: config.threads });
};
