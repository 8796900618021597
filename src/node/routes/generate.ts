import { t } from "elysia";
import type {
  OllamaChatRequest,
  OllamaChatResponse,
  OllamaGenerateRequest,
  OllamaGenerateResponse,
} from "../../api/ollama.ts";
import { checkShape } from "../../core/check-shape.ts";
import { parseDuration } from "../../core/duration.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { fromOllamaChat, fromOllamaGenerate } from "../../dialect/ollama-request.ts";
import {
  joinOllamaChat,
  joinOllamaGenerate,
  type OllamaResponseOptions,
  toOllamaChat,
  toOllamaGenerate,
} from "../../dialect/ollama-response.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { ndjson } from "../../http/ndjson.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { generate, type ModelUse, preload } from "../generate.ts";
import { modelDefaults } from "../model-defaults.ts";
import { prefixOf } from "../prefix-of.ts";
import { toolSchema } from "./tool-schema.ts";

const shared = {
  model: t.Optional(t.String()),
  stream: t.Optional(t.Boolean()),
  options: t.Optional(
    t.Object(
      { num_ctx: t.Optional(t.Number({ minimum: 1, multipleOf: 1 })), num_keep: t.Optional(t.Number()) },
      { additionalProperties: true },
    ),
  ),
  truncate: t.Optional(t.Boolean()),
  shift: t.Optional(t.Boolean()),
  keep_alive: t.Optional(t.Union([t.Number(), t.String()])),
  think: t.Optional(t.Union([t.Boolean(), t.Literal("low"), t.Literal("medium"), t.Literal("high"), t.Literal("max")])),
  images: t.Optional(t.Array(t.String())),
  logprobs: t.Optional(t.Boolean()),
  top_logprobs: t.Optional(t.Number()),
};

const toolCall = t.Object(
  { function: t.Object({ name: t.String() }, { additionalProperties: true }) },
  { additionalProperties: true },
);

const message = t.Object(
  {
    role: t.Union([t.Literal("system"), t.Literal("user"), t.Literal("assistant"), t.Literal("tool")]),
    content: t.Optional(t.String()),
    images: t.Optional(t.Union([t.Array(t.String()), t.Null()])),
    tool_calls: t.Optional(t.Union([t.Array(toolCall), t.Null()])),
  },
  { additionalProperties: true },
);

const chatBody = t.Object(
  { ...shared, messages: t.Optional(t.Array(message)), tools: t.Optional(t.Array(toolSchema)) },
  { additionalProperties: true },
);
const generateBody = t.Object(
  {
    ...shared,
    prompt: t.Optional(t.String()),
    system: t.Optional(t.String()),
    template: t.Optional(t.String()),
    suffix: t.Optional(t.String()),
    raw: t.Optional(t.Boolean()),
    context: t.Optional(t.Array(t.Number({ minimum: 0, multipleOf: 1 }))),
  },
  { additionalProperties: true },
);

/** Ollama's `/api/chat` and `/api/generate`. */
export const generateRoutes = (app: App, deps: NodeDeps) =>
  app
    .post("/api/chat", ({ body, request }) => chat(deps, body as OllamaChatRequest, request.signal), {
      body: checkedBody(chatBody),
      parse: "jsonBody",
    })
    .post("/api/generate", ({ body, request }) => complete(deps, body as OllamaGenerateRequest, request.signal), {
      body: checkedBody(generateBody),
      parse: "jsonBody",
    });

const chat = async (deps: NodeDeps, body: OllamaChatRequest, signal: AbortSignal) => {
  const { use, options } = prepare(deps, "/api/chat", body, signal);
  const message = { role: "assistant" as const, content: "" };
  if (!body.messages?.length) return { ...(await loadOrUnload(deps, use, options)), message };
  const messages = body.messages.map((one) => ({ ...one, content: one.content ?? "" }));
  const chatRequest = checkShape(() => fromOllamaChat({ ...body, messages }));
  const records = toOllamaChat(events(deps, use, chatRequest, options), options);
  return body.stream === false ? await joinOllamaChat(records) : await ndjson(records, signal);
};

const complete = async (deps: NodeDeps, body: OllamaGenerateRequest, signal: AbortSignal) => {
  const { use, options } = prepare(deps, "/api/generate", body, signal);
  if (!body.prompt) return { ...(await loadOrUnload(deps, use, options)), response: "" };
  // A template of the request's own has no other way to learn of the model's system message.
  const system = body.system ?? (body.template ? modelDefaults(deps, use.model).system : undefined);
  const request = checkShape(() => fromOllamaGenerate({ ...body, ...(system !== undefined && { system }) }));
  const records = toOllamaGenerate(events(deps, use, request, options), options);
  return body.stream === false ? await joinOllamaGenerate(records) : await ndjson(records, signal);
};

const prepare = (
  deps: NodeDeps,
  path: "/api/chat" | "/api/generate",
  body: OllamaChatRequest | OllamaGenerateRequest,
  signal: AbortSignal,
) => {
  const use: ModelUse = {
    model: findModel(deps, body.model),
    signal,
    keepAlive: body.keep_alive,
    contextTokens: body.options?.num_ctx,
    prefix: prefixOf(path, body),
  };
  const { clock } = deps;
  const options: OllamaResponseOptions = {
    model: body.model,
    loadMs: 0,
    startMs: clock.now(),
    now: () => clock.now(),
  };
  return { use, options };
};

const events = (deps: NodeDeps, use: ModelUse, request: GenerationRequest, options: OllamaResponseOptions) =>
  generate(deps, use, request, (loadMs) => {
    options.loadMs = loadMs;
  });

/** A request without a prompt only loads the model, or unloads it with a keep-alive of 0. */
const loadOrUnload = async (deps: NodeDeps, use: ModelUse, options: OllamaResponseOptions) => {
  const unload = use.keepAlive !== undefined && parseDuration(use.keepAlive) === 0;
  if (unload) await deps.engine.unload(use.model.id);
  else await preload(deps, use);
  return {
    model: options.model,
    created_at: new Date(deps.clock.now()).toISOString(),
    done: true,
    done_reason: unload ? ("unload" as const) : ("load" as const),
  } satisfies Partial<OllamaChatResponse & OllamaGenerateResponse>;
};
