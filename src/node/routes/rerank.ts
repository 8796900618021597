import { t } from "elysia";
import type { RerankBody } from "../../api/rerank.ts";
import { fromRerank, toRerank } from "../../dialect/rerank.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { rerank } from "../generate.ts";

const open = { additionalProperties: true };
const document = t.Union([t.String(), t.Object({ text: t.String() }, open)]);
const rerankBody = t.Object(
  {
    model: t.Optional(t.String()),
    query: t.String(),
    documents: t.Array(document, { minItems: 1 }),
    top_n: t.Optional(t.Number({ minimum: 1, multipleOf: 1 })),
    return_documents: t.Optional(t.Boolean()),
  },
  open,
);

/** `/v1/rerank`, under every name that llama-server has for it. */
export const rerankRoutes = (app: App, deps: NodeDeps) => {
  for (const path of ["/v1/rerank", "/v1/reranking", "/rerank", "/reranking"])
    app.post(path, ({ body, request }) => rank(deps, body as RerankBody, request.signal), {
      body: checkedBody(rerankBody),
      parse: "jsonBody",
    });
  return app;
};

const rank = async (deps: NodeDeps, body: RerankBody, signal: AbortSignal) => {
  const request = fromRerank(body);
  const use = { model: findModel(deps, body.model), signal };
  return toRerank(await rerank(deps, use, request), request, body);
};
