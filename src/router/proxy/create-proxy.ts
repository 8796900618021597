import { type Clock, systemClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { sharedTimers } from "../../core/shared-timers.ts";
import type { ModelNames } from "../choice/resolve-model.ts";
import type { Cluster } from "../types.ts";
import { lazyRouterMetrics } from "./lazy-metrics.ts";
import { createListings, type Listings } from "./listings.ts";
import { createManagement, type Management } from "./manage.ts";
import { createNamedNodes } from "./named-nodes.ts";
import { type Chooser, createPlacement } from "./placement.ts";
import { type HashPrompt, type Incoming, type RelayLimits, relay } from "./relay.ts";
import { createRecordKeeper, type RequestRecord, type Traffic } from "./request-record.ts";
import { createResponseHomes } from "./response-homes.ts";
import { createUpstream } from "./upstream.ts";

/** The way of requests through the router. */
export interface ModelProxy {
  relay(incoming: Incoming): Promise<Response>;
  readonly listings: Listings;
  readonly management: Management;
  /** `GET` or `DELETE /v1/responses/{id}`. Throws `not_found`. */
  response(method: string, id: string): Promise<Response>;
  scrape(): Promise<Response>;
  /** Ends what is under way. */
  close(): void;
}

export interface ProxyLimits extends RelayLimits {
  /** Most requests that wait for a place on a node. */
  waitingMax: number;
  waitingPerTenantMax: number;
  waitMs: number;
  connectMs: number;
}

const minuteMs = 60_000;

export const proxyLimits: ProxyLimits = {
  attemptsMax: 4, // a fourth node that fails says something of the request, not of the nodes
  streamFirstByteMs: 10 * minuteMs, // a large model from a slow disk, then a long prompt on a processor
  wholeFirstByteMs: 60 * minuteMs, // and then the longest answer
  waitingMax: 2_048, // past this, a 503 is kinder than waiting
  waitingPerTenantMax: 1_024,
  waitMs: minuteMs, // clients' own patience ends at about that
  connectMs: 5_000,
};

export interface ProxyOptions {
  cluster: Cluster;
  chooser: Chooser;
  hashPrompt: HashPrompt;
  /** Absent = models have no other names. */
  names?: () => ModelNames;
  traffic: Traffic;
  log: Log;
  clock?: Clock;
  limits?: ProxyLimits;
  /** Told of every request that has ended. */
  onEnd?(record: RequestRecord): void;
}

export const createProxy = (options: ProxyOptions): ModelProxy => {
  const { cluster, chooser, hashPrompt, traffic, log, limits = proxyLimits } = options;
  const clock = sharedTimers(options.clock ?? systemClock);
  const upstream = createUpstream({ clock, connectMs: limits.connectMs });
  const { waitingMax: limit, waitingPerTenantMax: limitPerTenant, waitMs } = limits;
  const placement = createPlacement({
    chooser,
    refresh: () => cluster.refresh(),
    clock,
    limit,
    limitPerTenant,
    waitMs,
  });
  const metrics = lazyRouterMetrics({ waiting: () => placement.waiting, nodes: cluster.nodes }, clock);
  const onEnd = (record: RequestRecord): void => {
    metrics.count(record);
    options.onEnd?.(record);
  };
  const records = createRecordKeeper({ clock, log, traffic, onEnd });
  const named = createNamedNodes(cluster, options.names);
  const management = createManagement({ cluster, upstream, clock }, named);
  const homes = createResponseHomes();
  const deps = { homes, named, cluster, placement, hashPrompt, upstream, records, clock, limits, management };
  return {
    relay: (incoming) => relay(deps, incoming),
    listings: createListings({ cluster, upstream, clock }, options.names),
    management,
    async response(method, id) {
      const nodeId = homes.find(id);
      if (nodeId === undefined) throw new AppError("not_found", `response "${id.slice(0, 100)}" not found`);
      return await management.response(nodeId, { method, path: `/v1/responses/${id}` });
    },
    scrape: metrics.scrape,
    close() {
      upstream.close();
      clock.close();
    },
  };
};
