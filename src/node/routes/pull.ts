import { t } from "elysia";
import type { OllamaPullProgress } from "../../api/ollama.ts";
import { AppError } from "../../core/errors.ts";
import { type AliasRef, formatModelRef, type HubRef } from "../../core/model-ref.ts";
import type { App } from "../../http/create-app.ts";
import { ndjson } from "../../http/ndjson.ts";
import { refuseOllama } from "../../store/ollama-name.ts";
import { createChannel } from "../channel.ts";
import type { NodeDeps } from "../deps.ts";
import { parseName } from "../find-model.ts";

const pullBody = t.Object(
  { model: t.Optional(t.String()), name: t.Optional(t.String()), stream: t.Optional(t.Boolean()) },
  { additionalProperties: true },
);

/** `/api/pull`: downloads a model into the store, telling its progress. */
export const pullRoutes = (app: App, deps: NodeDeps) =>
  app.post(
    "/api/pull",
    async ({ body, request }) => {
      const progress = pull(deps, body.model ?? body.name, request.signal);
      return body.stream === false ? await lastOf(progress) : await ndjson(progress, request.signal);
    },
    { body: pullBody, parse: "json" },
  );

/** The progress of one pull, ended by `success` or by the fault that ended it. */
const pull = async function* (deps: NodeDeps, name: string | undefined, signal: AbortSignal) {
  const ref = parseName(deps, name);
  if (ref.kind === "ollama") throw refuseOllama(ref, "pull");
  const hubRef = ref.kind === "hub" ? ref : sourceOf(deps, ref);
  const stop = new AbortController();
  const channel = createChannel<OllamaPullProgress>();
  deps.puller
    .pull(hubRef, { signal: AbortSignal.any([signal, stop.signal]), onProgress: channel.send })
    .then(channel.close, channel.fail);
  try {
    yield* channel.values();
  } finally {
    stop.abort(new AppError("cancelled", "the client went away"));
  }
};

/** A short name can be pulled again once it is known: it stands for the repository that it was made from. */
const sourceOf = ({ store }: NodeDeps, ref: AliasRef): HubRef => {
  const known = store.find(ref);
  if (!known) {
    const name = formatModelRef(ref);
    throw new AppError("invalid_model_name", `invalid model name "${name}": expected org/name, as on huggingface.co`);
  }
  const { org, name, tag } = known.manifest.model;
  return { kind: "hub", org, name, quant: ref.quant ?? tag };
};

const lastOf = async (progress: AsyncIterable<OllamaPullProgress>): Promise<OllamaPullProgress> => {
  let last: OllamaPullProgress = { status: "success" };
  for await (const one of progress) last = one;
  return last;
};
