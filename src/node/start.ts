import type { Config } from "../config/config.ts";
import type { JoinSettings } from "../config/router-settings.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import type { Log } from "../core/log.ts";
import { createEngine } from "../engine/engine.ts";
import { hostMemory } from "../engine/host-memory.ts";
import type { Machine } from "../engine/machine.ts";
import { readMemoryNeed, readModelShape } from "../engine/memory-need.ts";
import type { EngineOptions } from "../engine/types.ts";
import { createApp } from "../http/create-app.ts";
import { isLoopback } from "../http/guard.ts";
import { type Listening, listen } from "../http/listen.ts";
import { openStore } from "../store/open-store.ts";
import type { NodeDeps } from "./deps.ts";
import type { FetchImage } from "./fetch-image.ts";
import type { RouterLink } from "./join/router-link.ts";
import { lazyFetchImage } from "./lazy-fetch-image.ts";
import { lazyMetrics } from "./lazy-metrics.ts";
import { lazyPuller } from "./lazy-puller.ts";
import { anthropicRoutes } from "./routes/anthropic.ts";
import { embedRoutes } from "./routes/embed.ts";
import { generateRoutes } from "./routes/generate.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { modelRoutes } from "./routes/models.ts";
import { nodeRoutes } from "./routes/node.ts";
import { openAiRoutes } from "./routes/openai.ts";
import { openApiRoutes } from "./routes/openapi.ts";
import { pullRoutes } from "./routes/pull.ts";
import { rerankRoutes } from "./routes/rerank.ts";
import { responsesRoutes } from "./routes/responses.ts";
import { statusRoutes } from "./routes/status.ts";
import { unsupportedRoutes } from "./routes/unsupported.ts";

export interface NodeOptions {
  config: Config;
  log: Log;
  machine: Machine;
  clock?: Clock;
  /** Where pictures come from that a request only names. */
  fetchImage?: FetchImage;
  /** Others may ask without a key. */
  openToAll?: boolean;
}

export interface RunningNode {
  readonly address: Listening;
  /** Reads every manifest once, so that the first listing is fast, and frees what nobody has come back for. Never rejects. */
  tidy(): Promise<void>;
  /** Refuses new connections, lets running answers finish for at most `drainMs`, then ends the runners. */
  stop(drainMs: number): Promise<void>;
}

/** Composes store, hub, engine and HTTP, and starts to listen. Throws an AppError when the address cannot be had. */
export const startNode = (options: NodeOptions): RunningNode => {
  const { config, log, machine, clock = systemClock, openToAll = false, fetchImage = lazyFetchImage() } = options;
  const engine = createEngine(engineOptions(config, { log, machine, clock }));
  const store = openStore(config.modelsDir, { ollamaDirs: config.ollamaDirs, clock, log });
  const puller = lazyPuller({ config, store, clock, log });
  const metrics = lazyMetrics({ engine, machine, puller, clock });
  const routerKey = config.join && newRouterKey();
  const common = { config, store, engine, machine, puller, clock, log, metrics, fetchImage, startedAtMs: clock.now() };
  const deps: NodeDeps = { ...common, ...(routerKey && { routerKey }) };
  const { apiKey, origins, tls } = config;
  const guarded = apiKey !== undefined || !(openToAll || isLoopback(config.node.hostname));
  const app = createApp({
    log,
    clock,
    hostname: config.node.hostname,
    origins,
    apiKey,
    routerKey: guarded ? routerKey : undefined,
    onResponse: metrics.countRequest,
  });
  for (const addRoutes of [
    statusRoutes,
    metricsRoutes,
    nodeRoutes,
    modelRoutes,
    pullRoutes,
    generateRoutes,
    embedRoutes,
    rerankRoutes,
    openAiRoutes,
    responsesRoutes,
    anthropicRoutes,
    unsupportedRoutes,
    openApiRoutes,
  ])
    addRoutes(app, deps);
  const address = listen(app, config.node.hostname, config.node.port, { tls });
  const link = config.join && linkToRouter(deps, config.join, address.port);
  return {
    address,
    tidy: () => tidy(deps),
    stop: async (drainMs) => {
      await (await link)?.leave(); // before the last answers: nothing new shall come
      await stop(address, deps, drainMs);
    },
  };
};

const newRouterKey = (): string =>
  `llmlb-node-${Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("base64url")}`;

/** Takes part in the router's cluster; its code is loaded by nodes that do. */
const linkToRouter = async (deps: NodeDeps, settings: JoinSettings, port: number): Promise<RouterLink> => {
  const { startRouterLink } = await import("./join/router-link.ts");
  return startRouterLink(deps, settings, port);
};

const tidy = async ({ store, log }: NodeDeps): Promise<void> => {
  try {
    store.list();
    const { partials, blobs, freedBytes } = await store.prune();
    if (partials + blobs > 0)
      log.info(`removed ${partials} stale downloads and ${blobs} unused files: ${formatBytes(freedBytes)} freed`);
  } catch (error) {
    log.warn(`cannot look for stale downloads: ${toAppError(error).message}`);
  }
};

const engineOptions = (
  config: Config,
  { log, machine, clock }: Pick<NodeDeps, "log" | "machine" | "clock">,
): EngineOptions => {
  const { maxLoadedModels, maxQueue, parallel, threads, gpu, kvCacheType, flashAttention, promptCacheBytes } = config;
  return {
    startRunner: machine.startRunner,
    clock,
    log,
    maxLoadedModels,
    maxQueue,
    ...(parallel === undefined ? {} : { slots: parallel }),
    load: {
      promptCacheBytes,
      ...(threads === undefined ? {} : { threads }),
      ...(gpu === undefined ? {} : { gpu }),
      ...(kvCacheType === undefined ? {} : { kvCacheType }),
      ...(flashAttention === undefined ? {} : { flashAttention }),
    },
    hostMemory,
    gpuMemory: machine.gpuMemory,
    memoryNeed: async (model) => {
      const [need] = await Promise.all([readMemoryNeed(model, kvCacheType), machine.detected().catch(() => undefined)]);
      return need;
    },
    checkFile: readModelShape,
  };
};

const stop = async (address: Listening, { engine, machine, clock }: NodeDeps, drainMs: number): Promise<void> => {
  const late = Promise.withResolvers<void>();
  const cancel = clock.after(drainMs, late.resolve);
  await Promise.race([address.stop(false), late.promise]);
  cancel();
  await engine.close();
  await machine.close();
  await address.stop(true);
};
