import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { silentLog } from "../../../src/core/log.ts";
import { createApp } from "../../../src/http/create-app.ts";
import { directRoutes } from "../../../src/http/direct.ts";
import { listen } from "../../../src/http/listen.ts";
import type { ModelNames } from "../../../src/router/choice/resolve-model.ts";
import { createProxy, type ProxyLimits, proxyLimits } from "../../../src/router/proxy/create-proxy.ts";
import type { RequestRecord } from "../../../src/router/proxy/request-record.ts";
import { inferenceHandlers, modelRoutes } from "../../../src/router/routes/inference.ts";
import { type FakeNodeOptions, fakeChooser, fakeCluster } from "../../fakes/fake-cluster.ts";

/** A router over these nodes, in this process. */
export const startProxy = (
  nodes: readonly FakeNodeOptions[],
  {
    clock = systemClock,
    limits = {},
    names,
  }: { clock?: Clock; limits?: Partial<ProxyLimits>; names?: ModelNames } = {},
) => {
  const cluster = fakeCluster(nodes);
  const chooser = fakeChooser(cluster, nodes);
  const records: RequestRecord[] = [];
  const counts = { arrived: 0 };
  const hashPrompt = (segments: Iterable<unknown>) => ({
    prefix: [],
    promptTokens: [...segments].length,
  });
  const proxy = createProxy({
    ...{ cluster, chooser, hashPrompt, clock, log: silentLog },
    traffic: { count: () => void counts.arrived++, enter: () => () => undefined },
    limits: { ...proxyLimits, ...limits },
    ...(names && { names: () => names }),
    onEnd: (record) => void records.push(record),
  });
  const edge = { log: silentLog, hostname: "127.0.0.1" };
  const app = createApp(edge);
  modelRoutes(app, proxy);
  const handlers = inferenceHandlers(proxy, ({ headers }) => ({ tenant: headers.get("authorization") ?? "" }));
  const server = listen(app, "127.0.0.1", 0, { direct: directRoutes(handlers, edge) });
  const base = `http://127.0.0.1:${server.port}`;
  return {
    ...{ base, cluster, chooser, records },
    post: (path: string, body: unknown, init: RequestInit = {}) =>
      fetch(base + path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), ...init }),
    /** Resolves when so many requests have arrived, and found a place or begun to wait. */
    arrived: async (count: number) => {
      await until(() => counts.arrived >= count);
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve)); // its body is read
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      proxy.close();
    },
  };
};

/** Resolves when `condition` holds; what makes it hold happens by itself. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
