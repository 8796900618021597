import type { Environment } from "../config/config.ts";
import type { Log } from "../core/log.ts";

const variable = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const most = "65535"; // Bun takes no more

/**
 * Bun's fetch has at most 256 requests under way, in all of a process: more streams than that would keep probes, and so the knowledge of
 * who is alive, waiting. The limit is read when a process begins, so this one begins again, as the same process, unless it is set.
 */
export const liftFetchLimit = (environment: Environment, log: Log): void => {
  if (environment[variable]) return;
  const own = Bun.isStandaloneExecutable ? process.argv.slice(2) : process.argv.slice(1);
  try {
    process.execve?.(process.execPath, [process.execPath, ...own], { ...environment, [variable]: most });
  } catch (error) {
    log.debug(`cannot start again: ${(error as Error).message}`);
  }
  log.warn(`no more than 256 requests at once can be served here; set ${variable}=${most}`); // Windows has no execve
};
