/** A router's web side over a cluster that exists only as words: for tests of the dashboard, and for its pictures. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDashboard } from "../../scripts/build/dashboard.ts";
import type { NodeDevice } from "../../src/api/node.ts";
import { AppError } from "../../src/core/errors.ts";
import { silentLog } from "../../src/core/log.ts";
import { createApp } from "../../src/http/create-app.ts";
import { listen } from "../../src/http/listen.ts";
import { sse } from "../../src/http/sse.ts";
import { createAccess } from "../../src/router/access.ts";
import { createActivity, type FinishedRequest } from "../../src/router/activity.ts";
import type { ManagedCluster } from "../../src/router/cluster/create-cluster.ts";
import type { RouterDeps } from "../../src/router/deps.ts";
import { openSqliteRegistry } from "../../src/router/registry/sqlite-registry.ts";
import { accessRoutes } from "../../src/router/routes/access.ts";
import { activityRoutes } from "../../src/router/routes/activity.ts";
import { dashboardRoutes } from "../../src/router/routes/dashboard.ts";
import { nodeRoutes } from "../../src/router/routes/nodes.ts";
import { statusRoutes } from "../../src/router/routes/status.ts";
import { createTraffic } from "../../src/router/traffic.ts";
import type { ModelReading, NodeState } from "../../src/router/types.ts";
import { manualClock } from "./manual-clock.ts";

export const gpu = (over: Partial<NodeDevice> = {}): NodeDevice => ({
  name: "CUDA0",
  description: "NVIDIA GeForce RTX 4090",
  kind: "gpu",
  total_bytes: 25.4e9,
  free_bytes: 6.1e9,
  utilization: 0.72,
  temperature_celsius: 61,
  used: true,
  ...over,
});

export const model = (name: string, over: Partial<ModelReading> = {}): ModelReading => ({
  name,
  loaded: true,
  ...over,
});

export const node = (id: string, over: Partial<NodeState> = {}): NodeState => ({
  id,
  url: `http://192.168.1.10:32769/${id}`,
  kind: "llmlb",
  joined: true,
  draining: false,
  status: "online",
  addedAtMs: 0,
  lastSeenMs: Date.now(),
  reading: { version: "0.1.0", models: [] },
  modelsByName: new Map(),
  ...over,
});

/** Only what the dashboard can change of it. */
const fakeCluster = (first: readonly NodeState[]) => {
  let nodes = [...first];
  const get = (id: string): NodeState => {
    const found = nodes.find((one) => one.id === id);
    if (!found) throw new AppError("not_found", `node "${id}" not found`);
    return found;
  };
  const put = (changed: NodeState): NodeState => {
    nodes = [...nodes.filter(({ id }) => id !== changed.id), changed];
    return changed;
  };
  return {
    nodes: () => nodes,
    settled: () => Promise.resolve(),
    add: async ({ url, name }: { url: string; name?: string }) => {
      if (!URL.canParse(url)) throw new AppError("invalid_argument", `"${url}" is no address`);
      return put(node(`n${nodes.length}`, { url, joined: false, ...(name !== undefined && { name }) }));
    },
    remove: async (id: string) => {
      const gone = get(id);
      nodes = nodes.filter((one) => one !== gone);
    },
    drain: async (id: string, draining: boolean) =>
      put({ ...get(id), draining, status: draining ? "draining" : "online" }),
  } as unknown as ManagedCluster;
};

export interface DashboardWorldOptions {
  nodes?: readonly NodeState[];
  /** Ended one after the other, so many milliseconds after the one before. */
  requests?: readonly (FinishedRequest & { afterMs: number })[];
  apiKey?: string;
  /** Pieces of every answer of the chat. */
  answer?: () => AsyncIterable<unknown>;
}

export type DashboardWorld = Awaited<ReturnType<typeof createDashboardWorld>>;

export const createDashboardWorld = async ({
  nodes = [],
  requests = [],
  apiKey,
  answer,
}: DashboardWorldOptions = {}) => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-dashboard-"));
  const { files } = await buildDashboard(join(dir, "files"));
  const registry = openSqliteRegistry(join(dir, "router.db"));
  const clock = manualClock(Date.now() - requests.reduce((sum, { afterMs }) => sum + afterMs, 0));
  const activity = createActivity(clock);
  const traffic = createTraffic(clock);
  const access = await createAccess({ registry, clock, apiKey, openWithoutKeys: true });
  const deps = { ...{ registry, clock, activity, traffic, access }, cluster: fakeCluster(nodes), log: silentLog };
  for (const { afterMs, ...request } of requests) {
    await clock.advance(afterMs);
    traffic.count();
    activity.record(request);
  }
  const app = createApp({ log: silentLog, hostname: "127.0.0.1", authorize: access.refuse });
  dashboardRoutes(app, deps, files);
  for (const addRoutes of [statusRoutes, activityRoutes, nodeRoutes, accessRoutes])
    addRoutes(app, deps as unknown as RouterDeps);
  app.get("/v1/models", () => ({
    object: "list",
    data: nodes.flatMap(({ reading }) => reading.models.map(({ name }) => ({ id: name, object: "model" }))),
  }));
  app.post(
    "/v1/chat/completions",
    async ({ request }) => {
      if (!answer) throw new AppError("busy", "no node takes requests");
      const response = await sse(answer(), request.signal, clock);
      response.headers.set("x-llmlb-node", nodes[0]?.id ?? "");
      response.headers.set("x-llmlb-reason", "prefix");
      return response;
    },
    { parse: "jsonBody" },
  );
  const listening = listen(app, "127.0.0.1", 0);
  return {
    address: `http://127.0.0.1:${listening.port}`,
    files,
    access,
    activity,
    clock,
    /** Requests that stay under way on a node. */
    occupy: (id: string, count: number) => {
      for (let index = 0; index < count; index++) traffic.enter(id);
    },
    async [Symbol.asyncDispose]() {
      await listening.stop(true);
      await registry.close();
      rmSync(dir, { recursive: true });
    },
  };
};
