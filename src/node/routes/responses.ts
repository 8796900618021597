import { t } from "elysia";
import type { ResponsesInputItem, ResponsesObject, ResponsesRequest } from "../../api/openai-responses.ts";
import { checkShape } from "../../core/check-shape.ts";
import { AppError } from "../../core/errors.ts";
import type { ChatMessage } from "../../core/generation.ts";
import { fromResponses, inputMessages } from "../../dialect/responses-request.ts";
import { emptyResponse, toResponsesEvents } from "../../dialect/responses-response.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { responsesFault } from "../../http/errors.ts";
import { namedSse } from "../../http/sse.ts";
import type { NodeDeps } from "../deps.ts";
import { findModel } from "../find-model.ts";
import { generate } from "../generate.ts";
import { prefixOf } from "../prefix-of.ts";
import { createResponseStore, type ResponseStore, type StoredResponse } from "../response-store.ts";
import { withImages } from "../with-images.ts";

const open = { additionalProperties: true };
const responsesBody = t.Object(
  {
    model: t.Optional(t.String()),
    input: t.Optional(t.Union([t.String(), t.Array(t.Object({}, open))])),
    instructions: t.Optional(t.String()),
    previous_response_id: t.Optional(t.String()),
    store: t.Optional(t.Boolean()),
    stream: t.Optional(t.Boolean()),
    max_output_tokens: t.Optional(t.Number({ minimum: 1, multipleOf: 1 })),
    tools: t.Optional(t.Array(t.Object({ type: t.String() }, open))),
  },
  open,
);

/** OpenAI's `/v1/responses`. */
export const responsesRoutes = (app: App, deps: NodeDeps) => {
  const stored = createResponseStore();
  return app
    .post("/v1/responses", ({ body, request }) => respond(deps, stored, body as ResponsesRequest, request.signal), {
      body: checkedBody(responsesBody),
      parse: "jsonBody",
    })
    .get("/v1/responses/:id", ({ params }) => getStored(stored, params.id).response)
    .delete("/v1/responses/:id", ({ params: { id } }) => {
      if (!stored.remove(id)) throw missing(id);
      return { id, object: "response", deleted: true };
    });
};

const respond = async (deps: NodeDeps, stored: ResponseStore, body: ResponsesRequest, signal: AbortSignal) => {
  const { previous_response_id: previous } = body;
  const earlier = previous ? getStored(stored, previous).messages : [];
  const use = { model: findModel(deps, body.model), signal, prefix: prefixOf("/v1/responses", body) };
  const id = `resp_${crypto.randomUUID().replaceAll("-", "")}`;
  const response = checkShape(() => emptyResponse(body, id, Math.floor(deps.clock.now() / 1000)));
  const input = await withImages(deps, signal, (imageByUrl) => inputMessages(body.input ?? [], imageByUrl));
  const messages = [...earlier, ...input];
  const generation = checkShape(() => fromResponses(body, messages));
  const events = toResponsesEvents(generate(deps, use, generation), response);
  const kept = keep(
    events,
    () => body.store !== false && stored.put({ response, messages: [...messages, ...outputMessages(response)] }),
  );
  if (body.stream) return await namedSse(kept, signal, { fault: responsesFault, clock: deps.clock });
  for await (const _event of kept); // they fill the response
  return response;
};

/** The events as they come; `onEnd` is called before the last of them leaves. */
async function* keep<T extends { type: string }>(events: AsyncIterable<T>, onEnd: () => unknown): AsyncGenerator<T> {
  for await (const event of events) {
    if (event.type === "response.completed" || event.type === "response.incomplete") onEnd();
    yield event;
  }
}

const outputMessages = ({ output }: ResponsesObject): ChatMessage[] => inputMessages(output as ResponsesInputItem[]);

const getStored = (stored: ResponseStore, id: string): StoredResponse => {
  const found = stored.find(id);
  if (!found) throw missing(id);
  return found;
};

const missing = (id: string) =>
  new AppError(
    "not_found",
    `response "${id.slice(0, 100)}" not found: the newest are kept in memory only; send the input again`,
  );
