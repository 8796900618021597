import { t } from "elysia";
import type { AnthropicCountRequest, AnthropicMessagesRequest } from "../../api/anthropic.ts";
import { fromAnthropicCount, fromAnthropicMessages } from "../../dialect/anthropic-request.ts";
import { toAnthropicEvents, toAnthropicMessage } from "../../dialect/anthropic-response.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { anthropicError } from "../../http/errors.ts";
import { namedSse } from "../../http/sse.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { countTokens, generate } from "../generate.ts";
import { prefixOf } from "../prefix-of.ts";
import { withImages } from "../with-images.ts";

const open = { additionalProperties: true };
const content = t.Union([t.String(), t.Array(t.Object({ type: t.String() }, open))]);
const shared = {
  model: t.Optional(t.String()),
  messages: t.Array(t.Object({ role: t.Union([t.Literal("user"), t.Literal("assistant")]), content }, open), {
    minItems: 1,
  }),
  system: t.Optional(content),
  tools: t.Optional(t.Array(t.Object({ name: t.String() }, open))),
  tool_choice: t.Optional(t.Object({ type: t.String() }, open)),
  thinking: t.Optional(t.Object({ type: t.String() }, open)),
};
const countBody = t.Object(shared, open);
const messagesBody = t.Object(
  {
    ...shared,
    max_tokens: t.Number({ minimum: 1, multipleOf: 1 }),
    stream: t.Optional(t.Boolean()),
    stop_sequences: t.Optional(t.Array(t.String())),
  },
  open,
);

/** Anthropic's `/v1/messages` and `/v1/messages/count_tokens`. */
export const anthropicRoutes = (app: App, deps: NodeDeps) =>
  app
    .post("/v1/messages", ({ body, request }) => answer(deps, body as AnthropicMessagesRequest, request.signal), {
      body: checkedBody(messagesBody),
      parse: "jsonBody",
    })
    .post(
      "/v1/messages/count_tokens",
      ({ body, request }) => count(deps, body as AnthropicCountRequest, request.signal),
      { body: checkedBody(countBody), parse: "jsonBody" },
    );

const answer = async (deps: NodeDeps, body: AnthropicMessagesRequest, signal: AbortSignal) => {
  const use = { model: findModel(deps, body.model), signal, prefix: prefixOf("/v1/messages", body) };
  const request = await withImages(deps, signal, (imageByUrl) => fromAnthropicMessages(body, imageByUrl));
  const events = toAnthropicEvents(generate(deps, use, request), {
    id: `msg_${crypto.randomUUID().replaceAll("-", "")}`,
    model: body.model,
    stopSequences: body.stop_sequences ?? [],
  });
  const { clock } = deps;
  return body.stream
    ? await namedSse(events, signal, { fault: anthropicError, heartbeat: { type: "ping" }, clock })
    : await toAnthropicMessage(events);
};

const count = async (deps: NodeDeps, body: AnthropicCountRequest, signal: AbortSignal) => {
  const use = { model: findModel(deps, body.model), signal };
  const request = await withImages(deps, signal, (imageByUrl) => fromAnthropicCount(body, imageByUrl));
  return { input_tokens: await countTokens(deps, use, request) };
};
