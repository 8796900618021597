import { t } from "elysia";
import type { OllamaPullProgress } from "../../api/ollama.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { ndjson } from "../../http/ndjson.ts";
import type { NodeDeps } from "../deps.ts";
import { planPull, pullModel } from "../pull-model.ts";

const pullBody = t.Object(
  {
    model: t.Optional(t.String()),
    name: t.Optional(t.String()),
    stream: t.Optional(t.Boolean()),
    dry_run: t.Optional(t.Boolean()),
    quant: t.Optional(t.String()),
    /** What Ollama's create calls it. */
    quantize: t.Optional(t.String()),
  },
  { additionalProperties: true },
);

/** `/api/pull`: downloads a model into the store, telling its progress; with `dry_run` it only tells what it would do. */
export const pullRoutes = (app: App, deps: NodeDeps) =>
  app.post(
    "/api/pull",
    async ({ body, request }) => {
      const target = { name: body.model ?? body.name, quant: body.quant ?? body.quantize };
      if (body.dry_run) return await planPull(deps, target, request.signal);
      const progress = pullModel(deps, target, request.signal);
      return body.stream === false ? await lastOf(progress) : await ndjson(progress, request.signal);
    },
    { body: checkedBody(pullBody), parse: "jsonBody" },
  );

const lastOf = async (progress: AsyncIterable<OllamaPullProgress>): Promise<OllamaPullProgress> => {
  let last: OllamaPullProgress = { status: "success" };
  for await (const one of progress) last = one;
  return last;
};
