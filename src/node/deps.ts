import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Machine } from "../engine/machine.ts";
import type { Engine } from "../engine/types.ts";
import type { Puller } from "../hub/puller.ts";
import type { Store } from "../store/open-store.ts";
import type { FetchImage } from "./fetch-image.ts";
import type { LazyMetrics } from "./lazy-metrics.ts";

/** What every route works with. */
export interface NodeDeps {
  config: Config;
  store: Store;
  engine: Engine;
  machine: Machine;
  puller: Puller;
  clock: Clock;
  log: Log;
  metrics: LazyMetrics;
  fetchImage: FetchImage;
  startedAtMs: number;
  /** What the router sends with its requests, when the node takes part in a cluster. */
  routerKey?: string;
}
