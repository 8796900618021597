import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { createMachine, describeBackend, type Machine } from "../engine/machine.ts";
import { isLoopback } from "../http/guard.ts";
import { nextSignal } from "../http/signals.ts";

// Long enough for most answers; a service manager kills after 90 s (systemd) or 10 s (Docker) anyway.
const drainMs = 30_000;

const tidyAfterMs = 1_000; // who starts a node asks it something at once

/**
 * Serves until SIGINT or SIGTERM, then lets running answers finish. A second signal ends the process at once. Throws `forbidden`
 * for an address that others can reach without a key, unless `openToAll`.
 */
export const serveNode = async (config: Config, log: Log, { openToAll = false } = {}): Promise<void> => {
  // In a cluster only the router has a key then, which is enough.
  if (!isLoopback(config.node.hostname) && config.apiKey === undefined && !config.join && !openToAll)
    throw new AppError(
      "forbidden",
      `refusing to listen on ${config.node.hostname} without a key: set LLMLB_API_KEY, or give --no-auth on a network that you trust`,
    );
  // First of all: its child process comes to life while this one reads the code of its server.
  const machine = await createMachine({ config, log, clock: systemClock });
  const { startNode } = await import("./start.ts");
  const node = startNode({ config, log, machine, openToAll });
  const { hostname, port } = node.address;
  log.info(
    `listening on ${config.tls ? "https" : "http"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
  );
  log.info(`models in ${config.modelsDir}`);
  void tellBackend(machine, log);
  const cancelTidying = systemClock.after(tidyAfterMs, () => void node.tidy());
  const signal = await nextSignal();
  cancelTidying();
  log.info(`${signal}: waiting for running answers; once more to stop at once`);
  void nextSignal().then(() => process.exit(1));
  await node.stop(drainMs);
  log.info("stopped");
};

const tellBackend = (machine: Machine, log: Log): Promise<void> =>
  machine.detected().then(
    (detected) => log.info(describeBackend(detected)),
    (error) => log.error(`no model can be loaded: ${toAppError(error).message}`),
  );
