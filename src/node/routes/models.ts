import { t } from "elysia";
import type { OllamaListedModel, OllamaTagsResponse } from "../../api/ollama.ts";
import { formatModelRef } from "../../core/model-ref.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import type { StoredModel } from "../../store/scan-models.ts";
import type { NodeDeps } from "../deps.ts";
import { toDetails } from "../details.ts";
import { findModel, parseName } from "../find-model.ts";
import { showModel } from "../show-model.ts";

/** Older clients call the model's field `name`. */
const modelBody = t.Object(
  { model: t.Optional(t.String()), name: t.Optional(t.String()), verbose: t.Optional(t.Boolean()) },
  { additionalProperties: true },
);

const copyBody = t.Object({ source: t.String(), destination: t.String() }, { additionalProperties: true });

/** Lists, describes, names and deletes stored models. */
export const modelRoutes = (app: App, deps: NodeDeps) => {
  const tags = tagsText();
  return app
    .get("/api/tags", () => new Response(tags(deps.store.list()), { headers: { "content-type": "application/json" } }))
    .post("/api/show", ({ body }) => showModel(deps, findModel(deps, body.model ?? body.name), body.verbose === true), {
      body: checkedBody(modelBody),
      parse: "jsonBody",
    })
    .post("/api/copy", ({ body }) => copy(deps, body.source, body.destination), {
      body: checkedBody(copyBody),
      parse: "jsonBody",
    })
    .delete("/api/delete", ({ body }) => remove(deps, body.model ?? body.name), {
      body: checkedBody(modelBody),
      parse: "jsonBody",
    });
};

/** The body of `/api/tags`, written again only for another list: with 1,000 models that is most of the work of a listing. */
const tagsText = () => {
  let last: { models: readonly StoredModel[]; text: string } | undefined;
  return (models: readonly StoredModel[]): string => {
    if (last?.models !== models) {
      last = { models, text: JSON.stringify({ models: models.map(toListed) } satisfies OllamaTagsResponse) };
    }
    return last.text;
  };
};

const toListed = (model: StoredModel): OllamaListedModel => ({
  name: model.name,
  model: model.name,
  modified_at: new Date(model.lastUsedMs).toISOString(),
  size: model.sizeBytes,
  digest: model.id,
  details: toDetails(model.manifest),
  ...(model.aliases.length ? { aliases: model.aliases } : {}),
  ...(model.ollama && { read_only: true }),
});

const copy = async (deps: NodeDeps, source: string, destination: string) => {
  const from = parseName(deps, source);
  await deps.store.copy(from, parseName(deps, destination));
  deps.log.info(`${destination} is another name of ${formatModelRef(from)} now`);
  return new Response();
};

const remove = async (deps: NodeDeps, name: string | undefined) => {
  const ref = parseName(deps, name);
  // Of a copy only the name goes. No model: there may still be an unfinished download to delete.
  const model = deps.store.isCopy(ref) ? undefined : deps.store.find(ref);
  if (model && !model.ollama) await deps.engine.unload(model.id);
  await deps.store.remove(ref);
  deps.log.info(`deleted ${formatModelRef(ref)}`);
  return new Response();
};
