import { AppError } from "../../core/errors.ts";
import { isRecord } from "../../core/json.ts";
import type { App } from "../../http/create-app.ts";
import type { DirectHandler } from "../../http/direct.ts";
import { ndjson } from "../../http/ndjson.ts";
import { readJson } from "../../http/read-json.ts";
import type { ModelProxy } from "../proxy/create-proxy.ts";
import { type Endpoint, endpoints } from "../proxy/endpoints.ts";
import type { Incoming } from "../proxy/relay.ts";

/** Of a request, what its sender says of it. `tenant`, for fairness: the id of a key, not the key. */
export type AsksAs = (request: Request) => Pick<Incoming, "tenant" | "enter">;

/** Everything that is asked of a model, for `directRoutes`. */
export const inferenceHandlers = (proxy: ModelProxy, asksAs: AsksAs): Record<string, DirectHandler> => {
  const handlerOf = (endpoint: Endpoint) => (request: Request) => {
    const { tenant, enter } = asksAs(request);
    return proxy.relay({ request, endpoint, tenant, enter });
  };
  const named = endpoints.flatMap((endpoint) => {
    const handler = handlerOf(endpoint);
    return [endpoint.path, ...(endpoint.aliases ?? [])].map((path) => [path, handler] as const);
  });
  return Object.fromEntries(named);
};

/** What is asked about models or done with them, as a node has it. */
export const modelRoutes = (app: App, proxy: ModelProxy) => {
  app
    .get("/v1/models", () => proxy.listings.openAi())
    .get("/v1/models/*", ({ params }) => proxy.listings.openAiModel(decoded(params["*"])))
    .get("/api/tags", () => proxy.listings.tags())
    .get("/api/ps", () => proxy.listings.ps())
    .get("/v1/responses/:id", ({ params }) => proxy.response("GET", params.id))
    .delete("/v1/responses/:id", ({ params }) => proxy.response("DELETE", params.id))
    .get("/metrics", () => proxy.scrape());
  return managementRoutes(app, proxy);
};

/** SDKs escape the slash of `org/name`. What is no valid escape is no model's name either. */
const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

const managementRoutes = (app: App, { management }: ModelProxy) =>
  app
    .post(
      "/api/show",
      async ({ request }) => {
        const body = await readObject(request);
        return await management.show(nameIn(body), body, request.signal);
      },
      { parse: "none" },
    )
    .post(
      "/api/copy",
      async ({ request }) => {
        const body = await readObject(request);
        await management.copy(nameIn(body, "source"), body);
        return new Response();
      },
      { parse: "none" },
    )
    .delete(
      "/api/delete",
      async ({ request }) => {
        const body = await readObject(request);
        await management.remove(nameIn(body), body);
        return new Response();
      },
      { parse: "none" },
    )
    .post(
      "/api/pull",
      async ({ request }) => {
        const body = await readObject(request);
        nameIn(body);
        const all = body.all === true || request.headers.get("x-llmlb-nodes") === "all";
        const progress = management.pull(body, all, request.signal);
        if (body.stream !== false) return await ndjson(progress, request.signal);
        for await (const _record of progress); // its end is all that is asked for
        return Response.json({ status: "success" });
      },
      { parse: "none" },
    );

const readObject = async (request: Request): Promise<Record<string, unknown>> => {
  const body = await readJson(request);
  if (isRecord(body)) return body;
  throw new AppError("invalid_argument", "invalid JSON in the request body");
};

/** Older clients call the model's field `name`. */
const nameIn = ({ name, ...body }: Record<string, unknown>, field = "model"): string => {
  const given = body[field] ?? name;
  if (typeof given === "string" && given !== "") return given;
  throw new AppError("invalid_argument", `${field} is required`);
};
