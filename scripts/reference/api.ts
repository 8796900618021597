import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import type { Machine } from "../../src/engine/machine.ts";
import { createApp } from "../../src/http/create-app.ts";
import type { openApiDocument, RegisteredRoute } from "../../src/node/openapi.ts";
import { startNode } from "../../src/node/start.ts";
import type { RouterDeps } from "../../src/router/deps.ts";
import { neededScopes } from "../../src/router/route-scopes.ts";
import { accessRoutes } from "../../src/router/routes/access.ts";
import { activityRoutes } from "../../src/router/routes/activity.ts";
import { joinRoutes } from "../../src/router/routes/join.ts";
import { nodeRoutes } from "../../src/router/routes/nodes.ts";
import { statusRoutes } from "../../src/router/routes/status.ts";
import { page, table } from "./markdown.ts";

/** The API of a node, from the document that it serves, and a router's own, from its routes. */
export const apiMarkdown = async (): Promise<string> => {
  const { paths } = await nodeDocument();
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...(operation as Operation) })),
  );
  const tags = [...new Set(all.flatMap(({ tags: [tag] = [] }) => tag ?? []))];
  return page("API", [
    "A node and a router serve the same API. `GET /openapi.json` of a node is the whole document (OpenAPI 3.1). Where a key is needed it is sent as `Authorization: Bearer KEY` or `x-api-key: KEY`. Fields in bold have to be there; bodies may have more fields than are listed.",
    ...tags.map((tag) => `## ${tag}\n\n${operationTable(all.filter((operation) => operation.tags?.[0] === tag))}`),
    "## Router",
    "A router's own part. The scope is that of the key which a request needs; `own` = a credential of its own, such as a join token.",
    routerTable(routerRoutes()),
  ]);
};

interface Operation {
  tags?: string[];
  summary?: string;
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
}

interface Schema {
  properties?: Record<string, object>;
  required?: string[];
}

const operationTable = (operations: readonly (Operation & { path: string; method: string })[]): string =>
  table(
    ["request", "what", "fields of the body", "answer"],
    operations.map(({ path, method, summary = "", requestBody, responses }) => [
      `\`${method.toUpperCase()} ${path}\``,
      summary,
      fieldList(requestBody?.content["application/json"]?.schema),
      answerOf(responses),
    ]),
  );

const fieldList = ({ properties = {}, required = [] }: Schema = {}): string =>
  Object.keys(properties)
    .sort((a, b) => Number(required.includes(b)) - Number(required.includes(a)))
    .map((name) => (required.includes(name) ? `**\`${name}\`**` : `\`${name}\``))
    .join(", ");

const answerOf = (responses: Operation["responses"]): string => {
  const [[status, { content = {} }] = ["", {}]] = Object.entries(responses).filter(([code]) => code !== "default");
  const types = Object.keys(content).map((type) => `\`${type}\``);
  return [...(status === "200" ? [] : [status]), ...types].join(", ");
};

const routerTable = (routes: readonly RegisteredRoute[]): string =>
  table(
    ["request", "scope", "fields of the body"],
    routes.map(({ method, path, hooks }) => {
      const needed = neededScopes(method, path.replace(/:\w+/g, "x"));
      const scope = typeof needed === "string" ? needed : needed.join(" or ");
      const { schema } = (hooks.body ?? {}) as { schema?: Schema };
      return [`\`${method} ${path.replace(/:(\w+)/g, "{$1}")}\``, scope, fieldList(schema)];
    }),
  );

/** What a node answers at `/openapi.json`. */
const nodeDocument = async (): Promise<ReturnType<typeof openApiDocument>> => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-reference-"));
  const config = loadConfig({ HOME: dir, OLLAMA_MODELS: join(dir, "none") }, { port: "0" });
  const node = startNode({ config, log: silentLog, machine: noMachine });
  try {
    const response = await fetch(`http://127.0.0.1:${node.address.port}/openapi.json`, { proxy: false });
    return (await response.json()) as ReturnType<typeof openApiDocument>;
  } finally {
    await node.stop(0);
    rmSync(dir, { recursive: true, force: true });
  }
};

const nothing = () => {
  throw new Error("nothing is computed here");
};

const noMachine: Machine = {
  detected: async () => nothing(),
  report: () => undefined,
  gpuMemory: () => undefined,
  startRunner: async () => nothing(),
  close: async () => undefined,
};

/** Routes are registered and never asked, so what they would work with may be anything. */
const routerRoutes = (): RegisteredRoute[] => {
  const app = createApp({ log: silentLog, clock: systemClock, hostname: "127.0.0.1" });
  const anything: unknown = new Proxy(() => anything, {
    get: (_target, key) => (typeof key === "symbol" ? undefined : anything),
    apply: () => anything,
  });
  for (const addRoutes of [statusRoutes, activityRoutes, nodeRoutes, accessRoutes, joinRoutes])
    addRoutes(app, anything as RouterDeps);
  return (app.routes as readonly RegisteredRoute[]).filter(({ path }) => path.startsWith("/api/router/"));
};
