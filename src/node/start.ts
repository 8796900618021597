import type { Config } from "../config/config.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { gpuMemory } from "../engine/devices/telemetry.ts";
import { createEngine } from "../engine/engine.ts";
import { hostMemory } from "../engine/host-memory.ts";
import type { Machine } from "../engine/machine.ts";
import { readMemoryNeed, readModelShape } from "../engine/memory-need.ts";
import type { EngineOptions } from "../engine/types.ts";
import { createApp } from "../http/create-app.ts";
import { type Listening, listen } from "../http/listen.ts";
import type { Puller, PullerOptions } from "../hub/puller.ts";
import { openStore } from "../store/open-store.ts";
import type { NodeDeps } from "./deps.ts";
import { generateRoutes } from "./routes/generate.ts";
import { modelRoutes } from "./routes/models.ts";
import { nodeRoutes } from "./routes/node.ts";
import { openAiRoutes } from "./routes/openai.ts";
import { pullRoutes } from "./routes/pull.ts";
import { statusRoutes } from "./routes/status.ts";

export interface NodeOptions {
  config: Config;
  log: Log;
  machine: Machine;
  clock?: Clock;
}

export interface RunningNode {
  readonly address: Listening;
  /** Refuses new connections, lets running answers finish for at most `drainMs`, then ends the runners. */
  stop(drainMs: number): Promise<void>;
}

/** Composes store, hub, engine and HTTP, and starts to listen. Throws an AppError when the address cannot be had. */
export const startNode = ({ config, log, machine, clock = systemClock }: NodeOptions): RunningNode => {
  const engine = createEngine(engineOptions(config, { log, machine, clock }));
  const store = openStore(config.modelsDir, { ollamaDirs: config.ollamaDirs, clock, log });
  const puller = lazyPuller({ store, settings: config.hub, clock, log });
  const deps: NodeDeps = { config, store, engine, machine, puller, clock, log };
  const app = createApp({ log, hostname: config.node.hostname });
  for (const addRoutes of [statusRoutes, nodeRoutes, modelRoutes, pullRoutes, generateRoutes, openAiRoutes])
    addRoutes(app, deps);
  const address = listen(app, config.node.hostname, config.node.port);
  store.list(); // reads every manifest once, so that the first listing is as fast as the others
  return { address, stop: (drainMs) => stop(address, deps, drainMs) };
};

/** The Hub's code is read with the first pull: a node that only answers starts sooner without it. */
const lazyPuller = (options: PullerOptions): Puller => {
  let made: Promise<Puller> | undefined;
  const make = async () => (await import("../hub/puller.ts")).createPuller(options);
  return {
    pull: async (ref, pullOptions) => {
      made ??= make();
      return await (await made).pull(ref, pullOptions);
    },
  };
};

const engineOptions = (
  config: Config,
  { log, machine, clock }: Required<Omit<NodeOptions, "config">>,
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
    gpuMemory: () => gpuMemory(machine.report()?.devices ?? []),
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
