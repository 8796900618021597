import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { RequestRecord } from "./request-record.ts";

/** What Prometheus is told of the router. */
export interface RouterMetrics {
  readonly contentType: string;
  text(): Promise<string>;
  count(record: RequestRecord): void;
}

export interface RouterGauges {
  /** Requests that wait for a place on a node. */
  waiting(): number;
  nodes(): readonly { status: string }[];
}

// From a cached prompt on a GPU to a long one on a processor, or behind a load.
const firstByteSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export const createRouterMetrics = (gauges: RouterGauges): RouterMetrics => {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "llmlb_router_requests_total",
    help: "Requests to models, by how they ended: a status, and an error code where one says more",
    labelNames: ["route", "model", "node", "status", "fault"],
    registers,
  });
  const retries = new Counter({
    name: "llmlb_router_retries_total",
    help: "Nodes that were asked in vain before another answered",
    labelNames: ["route"],
    registers,
  });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, labelNames: ["model"], buckets: firstByteSeconds, registers });
  const firstByte = histogram("llmlb_router_first_byte_seconds", "From the request to the first byte of its answer");
  const queue = histogram("llmlb_router_queue_seconds", "How long requests waited for a place on a node");
  addGauges(registry, gauges);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    count({ route, model = "", node = "", status, fault = "", ...record }) {
      requests.inc({ route, model, node, status, fault });
      if (record.retries > 0) retries.inc({ route }, record.retries);
      if (record.firstByteMs !== undefined) firstByte.observe({ model }, record.firstByteMs / 1000);
      if (node) queue.observe({ model }, record.queueMs / 1000);
    },
  };
};

const addGauges = (registry: Registry, { waiting, nodes }: RouterGauges): void => {
  const registers = [registry];
  new Gauge({
    ...{ name: "llmlb_router_waiting", help: "Requests that wait for a place on a node", registers },
    collect() {
      this.set(waiting());
    },
  });
  new Gauge({
    ...{ name: "llmlb_router_nodes", help: "Nodes, by status", labelNames: ["status"], registers },
    collect() {
      this.reset();
      for (const { status } of nodes()) this.inc({ status });
    },
  });
};
