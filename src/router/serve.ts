import type { Config } from "../config/config.ts";
import type { Log } from "../core/log.ts";
import { nextSignal } from "../http/signals.ts";
import { liftFetchLimit } from "./lift-fetch-limit.ts";
import { startRouter } from "./start.ts";

// As a node's: long enough for most answers; a service manager kills after 90 s (systemd) or 10 s (Docker) anyway.
const drainMs = 30_000;

/** Serves until SIGINT or SIGTERM, then lets running answers finish. A second signal ends the process at once. */
export const serveRouter = async (config: Config, log: Log, { openToAll = false } = {}): Promise<void> => {
  liftFetchLimit(config.environment, log);
  const router = await startRouter({ config, log, openToAll });
  const { hostname, port } = router.address;
  log.info(
    `listening on ${config.tls ? "https" : "http"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
  );
  log.info(`nodes and keys in ${config.routerDb}`);
  const signal = await nextSignal();
  log.info(`${signal}: waiting for running answers; once more to stop at once`);
  void nextSignal().then(() => process.exit(1));
  await router.stop(drainMs);
  log.info("stopped");
};
