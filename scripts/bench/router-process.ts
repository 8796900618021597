import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { createApp } from "../../src/http/create-app.ts";
import { listen } from "../../src/http/listen.ts";
import { createProxy } from "../../src/router/proxy/create-proxy.ts";
import { inferenceRoutes } from "../../src/router/routes/inference.ts";
import type { Choice, Cluster, NodeState } from "../../src/router/types.ts";

/** The router's way of requests over one node, given by its address, without registry and choice: `bun router-process.ts URL`. */
const model = { name: "m", loaded: true };
const node: NodeState = {
  ...{ id: "node-1", url: process.argv[2] ?? "", kind: "llmlb", status: "online", joined: false, draining: false },
  ...{ addedAtMs: 0, reading: { models: [model] }, modelsByName: new Map([["m", model]]) },
};
const cluster: Cluster = {
  nodes: () => [node],
  find: () => node,
  credential: () => "secret",
  refresh: async () => undefined,
  note: () => undefined,
};
const choice: Choice = { kind: "node", node, model, reason: "only", uncachedTokens: 0 };
const nothing = () => undefined;
const proxy = createProxy({
  ...{ cluster, log: silentLog, clock: systemClock },
  chooser: { choose: () => choice, begin: () => ({ firstByte: nothing, end: nothing }) },
  hashPrompt: () => ({ prefix: [], promptTokens: 0 }),
  traffic: { count: nothing, enter: () => nothing },
});
const app = createApp({ log: silentLog, hostname: "127.0.0.1" });
inferenceRoutes(app, { proxy, tenantOf: () => "" });
console.log(`ready ${listen(app, "127.0.0.1", 0).port}`);
