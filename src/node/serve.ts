import type { Config } from "../config/config.ts";
import type { Log } from "../core/log.ts";
import { startRunner } from "../engine/start-runner.ts";
import { startNode } from "./start.ts";

// Long enough for most answers; a service manager kills after 90 s (systemd) or 10 s (Docker) anyway.
const drainMs = 30_000;

/** Serves until SIGINT or SIGTERM, then lets running answers finish. A second signal ends the process at once. */
export const serveNode = async (config: Config, log: Log): Promise<void> => {
  const node = startNode({ config, log, startRunner: () => startRunner(config, log) });
  const { hostname, port } = node.address;
  log.info(`listening on http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`);
  log.info(`models in ${config.modelsDir}`);
  const signal = await nextSignal();
  log.info(`${signal}: waiting for running answers; once more to stop at once`);
  void nextSignal().then(() => process.exit(1));
  await node.stop(drainMs);
  log.info("stopped");
};

const nextSignal = (): Promise<string> =>
  new Promise((resolve) => {
    const take = (signal: string) => {
      for (const name of signals) process.off(name, take);
      resolve(signal);
    };
    for (const name of signals) process.on(name, take);
  });

const signals = ["SIGINT", "SIGTERM"] as const;
