import type { AnthropicCountRequest, AnthropicMessagesRequest } from "../../api/anthropic.ts";
import type {
  OllamaChatRequest,
  OllamaEmbeddingsRequest,
  OllamaEmbedRequest,
  OllamaGenerateRequest,
} from "../../api/ollama.ts";
import type { OpenAiEmbeddingsRequest } from "../../api/openai.ts";
import type { ResponsesRequest } from "../../api/openai-responses.ts";
import { checkShape } from "../../core/check-shape.ts";
import type { Clock } from "../../core/clock.ts";
import type { Embeddings } from "../../core/embedding.ts";
import type { GenerationEvent, GenerationRequest } from "../../core/generation.ts";
import { fromAnthropicCount, fromAnthropicMessages } from "../../dialect/anthropic-request.ts";
import { toAnthropicEvents, toAnthropicMessage } from "../../dialect/anthropic-response.ts";
import { fromOllamaEmbed, fromOllamaEmbeddings, toOllamaEmbed, toOllamaEmbeddings } from "../../dialect/embeddings.ts";
import { fromOllamaChat, fromOllamaGenerate } from "../../dialect/ollama-request.ts";
import {
  joinOllamaChat,
  joinOllamaGenerate,
  type OllamaResponseOptions,
  toOllamaChat,
  toOllamaGenerate,
} from "../../dialect/ollama-response.ts";
import { fromResponses, inputMessages } from "../../dialect/responses-request.ts";
import { emptyResponse, toResponsesEvents } from "../../dialect/responses-response.ts";
import { anthropicError, responsesFault } from "../../http/errors.ts";
import { ndjson } from "../../http/ndjson.ts";
import { namedSse } from "../../http/sse.ts";
import type { InferenceRequest } from "./inference-request.ts";

export interface AnswerUse {
  asked: InferenceRequest;
  clock: Clock;
  /** When the node was asked. */
  startMs: number;
  signal: AbortSignal;
}

/** How an endpoint is told in OpenAI's words, and the answer in the endpoint's again. */
export type Translation =
  | {
      kind: "generation";
      request(asked: InferenceRequest): GenerationRequest;
      answer(events: AsyncGenerator<GenerationEvent>, use: AnswerUse): Promise<Response>;
    }
  | {
      kind: "embeddings";
      request(asked: InferenceRequest, model: string): OpenAiEmbeddingsRequest;
      answer(made: Embeddings, use: AnswerUse): unknown;
    }
  /** Of a prompt's tokens, which vLLM's `/tokenize` counts. */
  | { kind: "count"; request(asked: InferenceRequest): GenerationRequest; answer(promptTokens: number): unknown };

const bodyOf = <T>({ json }: InferenceRequest): T => json as T;
const newId = (prefix: string) => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`;

const ollamaOptions = ({ asked, clock, startMs }: AnswerUse): OllamaResponseOptions => ({
  model: asked.model,
  loadMs: 0, // not told by servers that are not Ollama
  startMs,
  now: () => clock.now(),
});

export const translations: { readonly [path: string]: Translation } = {
  "/v1/messages": {
    kind: "generation",
    request: (asked) => fromAnthropicMessages(bodyOf<AnthropicMessagesRequest>(asked)),
    async answer(events, { asked, clock, signal }) {
      const { model, stop_sequences: stopSequences = [] } = bodyOf<AnthropicMessagesRequest>(asked);
      const records = toAnthropicEvents(events, { id: newId("msg"), model, stopSequences });
      if (!asked.stream) return Response.json(await toAnthropicMessage(records));
      return await namedSse(records, signal, { fault: anthropicError, heartbeat: { type: "ping" }, clock });
    },
  },
  "/v1/messages/count_tokens": {
    kind: "count",
    request: (asked) => fromAnthropicCount(bodyOf<AnthropicCountRequest>(asked)),
    answer: (promptTokens) => ({ input_tokens: promptTokens }),
  },
  "/v1/responses": {
    kind: "generation",
    request(asked) {
      const body = bodyOf<ResponsesRequest>(asked);
      return fromResponses(body, inputMessages(body.input ?? []));
    },
    async answer(events, { asked, clock, signal }) {
      const response = checkShape(() => emptyResponse(bodyOf(asked), newId("resp"), Math.floor(clock.now() / 1000)));
      response.store = false; // nobody keeps it
      const records = toResponsesEvents(events, response);
      if (asked.stream) return await namedSse(records, signal, { fault: responsesFault, clock });
      for await (const _event of records); // they fill the response
      return Response.json(response);
    },
  },
  "/api/chat": {
    kind: "generation",
    request(asked) {
      const body = bodyOf<OllamaChatRequest>(asked);
      const messages = (body.messages ?? []).map((one) => ({ ...one, content: one.content ?? "" }));
      return fromOllamaChat({ ...body, messages });
    },
    async answer(events, use) {
      const records = toOllamaChat(events, ollamaOptions(use));
      return use.asked.stream ? await ndjson(records, use.signal) : Response.json(await joinOllamaChat(records));
    },
  },
  "/api/generate": {
    kind: "generation",
    request: (asked) => ({ ...fromOllamaGenerate(bodyOf<OllamaGenerateRequest>(asked)), tellTokens: false }),
    async answer(events, use) {
      const records = toOllamaGenerate(events, ollamaOptions(use));
      return use.asked.stream ? await ndjson(records, use.signal) : Response.json(await joinOllamaGenerate(records));
    },
  },
  "/api/embed": {
    kind: "embeddings",
    request: (asked, model) => ({
      model,
      input: fromOllamaEmbed(bodyOf<OllamaEmbedRequest>(asked)).inputs as string[],
      encoding_format: "float",
    }),
    answer: (made, { asked, clock, startMs }) =>
      toOllamaEmbed({ ...made, loadMs: 0 }, bodyOf<OllamaEmbedRequest>(asked), clock.now() - startMs),
  },
  "/api/embeddings": {
    kind: "embeddings",
    request: (asked, model) => ({
      model,
      input: fromOllamaEmbeddings(bodyOf<OllamaEmbeddingsRequest>(asked)).inputs as string[],
      encoding_format: "float",
    }),
    answer: (made) => toOllamaEmbeddings(made),
  },
};
