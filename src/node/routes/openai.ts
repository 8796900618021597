import { t } from "elysia";
import type { OpenAiChatRequest, OpenAiCompletionRequest, OpenAiModel, OpenAiModelList } from "../../api/openai.ts";
import { checkShape } from "../../core/check-shape.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import {
  fromOpenAiChat,
  type OpenAiResponseOptions,
  toOpenAiChunks,
  toOpenAiCompletion,
} from "../../dialect/openai-chat.ts";
import { fromOpenAiCompletion, toOpenAiText, toOpenAiTextChunks } from "../../dialect/openai-completions.ts";
import { choiceCount, forChoice } from "../../dialect/openai-sampling.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { sse } from "../../http/sse.ts";
import type { StoredModel } from "../../store/scan-models.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { generate } from "../generate.ts";
import { prefixOf } from "../prefix-of.ts";
import { withImages } from "../with-images.ts";
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
    stream_options: t.Optional(t.Object({}, { additionalProperties: true })),
    stop: t.Optional(t.Union([t.String(), t.Array(t.String())])),
    tools: t.Optional(t.Array(toolSchema)),
    logprobs: t.Optional(t.Boolean()),
    top_logprobs: t.Optional(t.Number()),
    logit_bias: t.Optional(t.Record(t.String(), t.Number())),
  },
  { additionalProperties: true },
);

const completionBody = t.Object(
  {
    model: t.Optional(t.String()),
    prompt: t.Union([t.String(), t.Array(t.String())]),
    stream: t.Optional(t.Boolean()),
    n: t.Optional(t.Number()),
    max_tokens: t.Optional(t.Number()),
    stop: t.Optional(t.Union([t.String(), t.Array(t.String())])),
    logprobs: t.Optional(t.Number()),
    logit_bias: t.Optional(t.Record(t.String(), t.Number())),
  },
  { additionalProperties: true },
);

/** OpenAI's `/v1/models`, `/v1/chat/completions` and `/v1/completions`. */
export const openAiRoutes = (app: App, deps: NodeDeps) =>
  app
    .get("/v1/models", (): OpenAiModelList => ({ object: "list", data: deps.store.list().map(toModel) }))
    .get("/v1/models/*", ({ params }) => toModel(findModel(deps, decoded(params["*"]))))
    .post("/v1/chat/completions", ({ body, request }) => chat(deps, body as OpenAiChatRequest, request.signal), {
      body: checkedBody(chatBody),
      parse: "jsonBody",
    })
    .post("/v1/completions", ({ body, request }) => complete(deps, body as OpenAiCompletionRequest, request.signal), {
      body: checkedBody(completionBody),
      parse: "jsonBody",
    });

/** SDKs escape the slash of `org/name`. What is no valid escape is no model's name either. */
const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

const toModel = ({ name, lastUsedMs, manifest }: StoredModel): OpenAiModel => ({
  id: name,
  object: "model",
  created: Math.floor(lastUsedMs / 1000),
  owned_by: manifest.model.org,
});

const chat = async (deps: NodeDeps, body: OpenAiChatRequest, signal: AbortSignal) => {
  const prompt = await withImages(deps, signal, (imageByUrl) => fromOpenAiChat(body, imageByUrl));
  const choices = openChoices(deps, "/v1/chat/completions", body, [prompt], signal);
  const options = responseOptions(deps, body, "chatcmpl");
  return body.stream
    ? await sse(toOpenAiChunks(choices, options), signal, deps.clock)
    : await toOpenAiCompletion(choices, options);
};

const complete = async (deps: NodeDeps, body: OpenAiCompletionRequest, signal: AbortSignal) => {
  const prompts = checkShape(() => fromOpenAiCompletion(body));
  const choices = openChoices(deps, "/v1/completions", body, prompts, signal);
  const options = responseOptions(deps, body, "cmpl");
  return body.stream
    ? await sse(toOpenAiTextChunks(choices, options, prompts.length), signal, deps.clock)
    : await toOpenAiText(choices, options, prompts.length);
};

/** `n` answers for each prompt, the answers of one prompt beside each other. */
const openChoices = (
  deps: NodeDeps,
  path: "/v1/chat/completions" | "/v1/completions",
  body: OpenAiChatRequest | OpenAiCompletionRequest,
  prompts: readonly GenerationRequest[],
  signal: AbortSignal,
) => {
  const use = { model: findModel(deps, body.model), signal, prefix: prefixOf(path, body) };
  const numbers = Array.from({ length: choiceCount(body) }, (_, number) => number);
  return prompts.flatMap((prompt) => numbers.map((number) => generate(deps, use, forChoice(prompt, number))));
};

const responseOptions = (
  deps: NodeDeps,
  { model, stream_options }: OpenAiChatRequest | OpenAiCompletionRequest,
  prefix: string,
): OpenAiResponseOptions => ({
  id: `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`,
  model,
  created: Math.floor(deps.clock.now() / 1000),
  includeUsage: stream_options?.include_usage === true,
});
