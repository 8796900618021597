import { t } from "elysia";
import type { OllamaEmbeddingsRequest, OllamaEmbedRequest } from "../../api/ollama.ts";
import type { OpenAiEmbeddingsRequest } from "../../api/openai.ts";
import {
  fromOllamaEmbed,
  fromOllamaEmbeddings,
  fromOpenAiEmbeddings,
  toOllamaEmbed,
  toOllamaEmbeddings,
  toOpenAiEmbeddings,
} from "../../dialect/embeddings.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { embed, type ModelUse } from "../generate.ts";

const open = { additionalProperties: true };
const keepAlive = t.Optional(t.Union([t.Number(), t.String()]));
const options = t.Optional(t.Object({ num_ctx: t.Optional(t.Number({ minimum: 1, multipleOf: 1 })) }, open));
const dimensions = t.Optional(t.Number({ minimum: 1, multipleOf: 1 }));
const model = t.Optional(t.String());

const embedBody = t.Object(
  {
    ...{ model, options, dimensions, keep_alive: keepAlive },
    input: t.Optional(t.Union([t.String(), t.Array(t.String())])),
    truncate: t.Optional(t.Boolean()),
  },
  open,
);
const embeddingsBody = t.Object({ model, options, keep_alive: keepAlive, prompt: t.Optional(t.String()) }, open);
const token = t.Number({ multipleOf: 1 });
const openAiBody = t.Object(
  {
    ...{ model, dimensions },
    input: t.Union([t.String(), t.Array(t.String()), t.Array(token), t.Array(t.Array(token))]),
    encoding_format: t.Optional(t.Union([t.Literal("float"), t.Literal("base64")])),
  },
  open,
);

/** Ollama's `/api/embed` and `/api/embeddings`, OpenAI's `/v1/embeddings`. */
export const embedRoutes = (app: App, deps: NodeDeps) =>
  app
    .post(
      "/api/embed",
      async ({ body, request }) => {
        const asked = body as OllamaEmbedRequest;
        const startMs = deps.clock.now();
        const made = await embed(deps, useOf(deps, asked, request.signal), fromOllamaEmbed(asked));
        return toOllamaEmbed(made, asked, deps.clock.now() - startMs);
      },
      { body: checkedBody(embedBody), parse: "jsonBody" },
    )
    .post(
      "/api/embeddings",
      async ({ body, request }) => {
        const asked = body as OllamaEmbeddingsRequest;
        return toOllamaEmbeddings(await embed(deps, useOf(deps, asked, request.signal), fromOllamaEmbeddings(asked)));
      },
      { body: checkedBody(embeddingsBody), parse: "jsonBody" },
    )
    .post(
      "/v1/embeddings",
      async ({ body, request }) => {
        const asked = body as OpenAiEmbeddingsRequest;
        const use = { model: findModel(deps, asked.model), signal: request.signal };
        return toOpenAiEmbeddings(await embed(deps, use, fromOpenAiEmbeddings(asked)), asked);
      },
      { body: checkedBody(openAiBody), parse: "jsonBody" },
    );

const useOf = (
  deps: NodeDeps,
  asked: Pick<OllamaEmbedRequest, "model" | "keep_alive" | "options">,
  signal: AbortSignal,
): ModelUse => ({
  model: findModel(deps, asked.model),
  signal,
  keepAlive: asked.keep_alive,
  contextTokens: asked.options?.num_ctx,
});
