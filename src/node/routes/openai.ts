import { t } from "elysia";
import type { OpenAiChatRequest, OpenAiModelList } from "../../api/openai.ts";
import { AppError } from "../../core/errors.ts";
import { fromOpenAiChat, toOpenAiChunks, toOpenAiCompletion } from "../../dialect/openai-chat.ts";
import type { App } from "../../http/create-app.ts";
import { sse } from "../../http/sse.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { generate } from "../generate.ts";
import { toolSchema } from "./tool-schema.ts";

const part = t.Object({ type: t.String(), text: t.Optional(t.String()) }, { additionalProperties: true });

const message = t.Object(
  {
    role: t.Union([
      t.Literal("system"),
      t.Literal("developer"),
      t.Literal("user"),
      t.Literal("assistant"),
      t.Literal("tool"),
    ]),
    content: t.Optional(t.Union([t.String(), t.Array(part), t.Null()])),
  },
  { additionalProperties: true },
);

const chatBody = t.Object(
  {
    model: t.Optional(t.String()),
    messages: t.Array(message, { minItems: 1 }),
    stream: t.Optional(t.Boolean()),
    n: t.Optional(t.Number()),
    stop: t.Optional(t.Union([t.String(), t.Array(t.String())])),
    tools: t.Optional(t.Array(toolSchema)),
    logprobs: t.Optional(t.Boolean()),
    top_logprobs: t.Optional(t.Number()),
    logit_bias: t.Optional(t.Record(t.String(), t.Number())),
  },
  { additionalProperties: true },
);

/** OpenAI's `/v1/models` and `/v1/chat/completions`. */
export const openAiRoutes = (app: App, deps: NodeDeps) =>
  app
    .get("/v1/models", () => listModels(deps))
    .post("/v1/chat/completions", ({ body, request }) => chat(deps, body as OpenAiBody, request.signal), {
      body: chatBody,
      parse: "json",
    });

type OpenAiBody = OpenAiChatRequest & { n?: number | null };

const listModels = ({ store }: NodeDeps): OpenAiModelList => ({
  object: "list",
  data: store.list().map(({ name, lastUsedMs, manifest }) => ({
    id: name,
    object: "model",
    created: Math.floor(lastUsedMs / 1000),
    owned_by: manifest.model.org,
  })),
});

const chat = async (deps: NodeDeps, body: OpenAiBody, signal: AbortSignal) => {
  if ((body.n ?? 1) !== 1) throw new AppError("invalid_argument", "n other than 1 is not supported");
  const model = findModel(deps, body.model);
  const events = generate(deps, { model, signal }, fromOpenAiChat(body));
  const options = {
    id: `chatcmpl-${crypto.randomUUID().replaceAll("-", "")}`,
    model: body.model,
    created: Math.floor(deps.clock.now() / 1000),
    includeUsage: body.stream_options?.include_usage === true,
  };
  return body.stream ? await sse(toOpenAiChunks(events, options), signal) : await toOpenAiCompletion(events, options);
};
