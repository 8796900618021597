import type { Config } from "../config/config.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { hashPrompt } from "../core/prompt-prefix.ts";
import { createApp } from "../http/create-app.ts";
import { directRoutes } from "../http/direct.ts";
import { isLoopback } from "../http/guard.ts";
import { type Listening, listen } from "../http/listen.ts";
import { createAccess } from "./access.ts";
import { createActivity } from "./activity.ts";
import { createChooser } from "./choice/chooser.ts";
import { createNamedChooser } from "./choice/named-chooser.ts";
import { createCluster } from "./cluster/create-cluster.ts";
import type { RouterDeps } from "./deps.ts";
import { createReportSockets } from "./join/report-sockets.ts";
import { createKeyLimits } from "./key-limits.ts";
import { type NamesFile, openNamesFile } from "./names-file.ts";
import { createProxy, type ModelProxy } from "./proxy/create-proxy.ts";
import type { Registry } from "./registry/registry.ts";
import { openSqliteRegistry } from "./registry/sqlite-registry.ts";
import { accessRoutes } from "./routes/access.ts";
import { activityRoutes } from "./routes/activity.ts";
import { asNodeRoutes } from "./routes/as-node.ts";
import { dashboardRoutes } from "./routes/dashboard.ts";
import { inferenceHandlers, modelRoutes } from "./routes/inference.ts";
import { joinRoutes } from "./routes/join.ts";
import { nodeRoutes } from "./routes/nodes.ts";
import { statusRoutes } from "./routes/status.ts";
import { createTraffic } from "./traffic.ts";

export interface RouterOptions {
  config: Config;
  log: Log;
  clock?: Clock;
  /** Listen on a network, or go without keys there, although nobody has one. */
  openToAll?: boolean;
}

export interface RunningRouter {
  readonly address: Listening;
  /** Refuses new connections, lets running answers finish for at most `drainMs`. */
  stop(drainMs: number): Promise<void>;
}

/** Composes registry, cluster and HTTP, and starts to listen. Throws `forbidden` for an address that all can reach and no key guards. */
export const startRouter = async (options: RouterOptions): Promise<RunningRouter> => {
  const { config } = options;
  const registry = openSqliteRegistry(config.routerDb);
  try {
    const deps = await createDeps(options, registry);
    refuseOpen(deps, options);
    const { hostname, port } = config.routerListen;
    const { origins, tls } = config;
    const edge = { log: deps.log, clock: deps.clock, hostname, origins, authorize: deps.access.refuse };
    const app = createApp(edge);
    for (const addRoutes of [
      dashboardRoutes,
      statusRoutes,
      activityRoutes,
      nodeRoutes,
      accessRoutes,
      joinRoutes,
      asNodeRoutes,
    ])
      addRoutes(app, deps);
    const names = openNamesFile({ path: config.routerNames, clock: deps.clock, log: deps.log });
    const proxy = createModelProxy(deps, names);
    const { access } = deps;
    const limits = createKeyLimits(deps.clock);
    modelRoutes(app, proxy);
    const handlers = inferenceHandlers(proxy, (request) => {
      const caller = access.caller(request);
      return { tenant: caller.id, enter: () => limits.enter(caller) };
    });
    const address = listen(app, hostname, port, { tls, sockets: true, direct: directRoutes(handlers, edge) });
    return {
      address,
      stop: (drainMs) => stop(address, deps, drainMs).finally(() => [proxy, names].map((one) => one.close())),
    };
  } catch (error) {
    await registry.close();
    throw error;
  }
};

const createDeps = async (
  { config, log, clock = systemClock, openToAll = false }: RouterOptions,
  registry: Registry,
): Promise<RouterDeps> => {
  const openWithoutKeys = openToAll || isLoopback(config.routerListen.hostname);
  const access = await createAccess({ registry, clock, apiKey: config.apiKey, openWithoutKeys });
  const cluster = await createCluster({ registry, clock, log });
  const reports = createReportSockets(cluster, log);
  const counters = { traffic: createTraffic(clock), activity: createActivity(clock) };
  return { config, registry, cluster, access, ...counters, reports, clock, log };
};

const createModelProxy = (deps: RouterDeps, names: NamesFile): ModelProxy => {
  const { cluster, clock, config, traffic, activity, log } = deps;
  const chooser = createNamedChooser(createChooser({ cluster, clock, policy: config.policy }), names.current);
  const common = { cluster, chooser, hashPrompt, traffic, log, clock };
  return createProxy({ ...common, names: names.current, onEnd: activity.record });
};

const refuseOpen = ({ access }: RouterDeps, { config, openToAll = false }: RouterOptions): void => {
  const { hostname } = config.routerListen;
  if (isLoopback(hostname) || openToAll || access.hasAdmin()) return;
  throw new AppError(
    "forbidden",
    `refusing to listen on ${hostname} without a key: set LLMLB_API_KEY, create one with "llmlb router key create NAME --scope admin" while the router listens on loopback, or give --no-auth on a network that you trust`,
  );
};

const stop = async (address: Listening, deps: RouterDeps, drainMs: number): Promise<void> => {
  const late = Promise.withResolvers<void>();
  const cancel = deps.clock.after(drainMs, late.resolve);
  deps.reports.closeAll(); // they never end by themselves
  await Promise.race([address.stop(false), late.promise]);
  cancel();
  await address.stop(true);
  deps.cluster.close();
  await deps.registry.close();
};
