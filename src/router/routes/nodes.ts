import { t } from "elysia";
import type { RouterModelsResponse, RouterNode, RouterNodesResponse } from "../../api/router.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { taggedJson } from "../../http/tagged-json.ts";
import type { RouterDeps } from "../deps.ts";
import type { NodeState } from "../types.ts";
import { modelViews, nodeView } from "../views.ts";

const nodeKinds = ["llmlb", "ollama", "vllm", "llama-server", "lm-studio", "openai"] as const;

const addBody = t.Object(
  {
    url: t.String({ minLength: 1, maxLength: 512 }),
    name: t.Optional(t.String({ minLength: 1, maxLength: 64 })),
    kind: t.Optional(t.Union(nodeKinds.map((kind) => t.Literal(kind)))),
    // What is no visible ASCII cannot stand in a header.
    api_key: t.Optional(t.String({ minLength: 1, maxLength: 4096, pattern: "^[\\x21-\\x7e]+$" })),
  },
  { additionalProperties: true },
);

const drainBody = t.Object({ drain: t.Boolean() }, { additionalProperties: true });

/** Who is in the cluster, and what they have. */
export const nodeRoutes = (app: App, { cluster, traffic, log }: RouterDeps) => {
  const view = (node: NodeState): RouterNode => nodeView(node, traffic.inFlight(node.id));
  return app
    .get("/api/router/nodes", ({ request }) => {
      const nodes = cluster.nodes().map(view);
      return taggedJson(request, { nodes } satisfies RouterNodesResponse, nodes.map(withoutLastSeen));
    })
    .get("/api/router/models", ({ request }) =>
      taggedJson(request, { models: modelViews(cluster.nodes()) } satisfies RouterModelsResponse),
    )
    .post(
      "/api/router/nodes",
      async ({ body: { url, name, kind, api_key: key } }) => {
        const node = await cluster.add({ url, name, kind, key });
        log.info(`node ${node.id} (${node.url}, ${node.kind}) was added`);
        return view(node);
      },
      { body: checkedBody(addBody), parse: "jsonBody" },
    )
    .delete("/api/router/nodes/:id", async ({ params: { id } }) => {
      await cluster.remove(id);
      log.info(`node ${id} was removed`);
      return new Response();
    })
    .post(
      "/api/router/nodes/:id/drain",
      async ({ params: { id }, body }) => view(await cluster.drain(id, body.drain)),
      { body: checkedBody(drainBody), parse: "jsonBody" },
    );
};

/** Each probe moves it, which alone is no news; where it stands still, the status changes. */
const withoutLastSeen = (node: RouterNode) => ({ ...node, last_seen_at: undefined });
