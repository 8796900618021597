import { anthropicError, openAiError } from "./errors.ts";
import { type StreamFormat, streamResponse } from "./stream.ts";

const format: StreamFormat = {
  contentType: "text/event-stream; charset=utf-8",
  record: (value) => `data: ${JSON.stringify(value)}\n\n`,
  fault: (error) => `data: ${JSON.stringify(openAiError(error))}\n\n`,
  end: "data: [DONE]\n\n",
};

/** Streams server-sent events as OpenAI does, closed by `[DONE]`; a fault is a last event `{"error": ...}` without `[DONE]`. */
export const sse = (values: AsyncIterable<unknown>, signal: AbortSignal): Promise<Response> =>
  streamResponse(values, format, signal);

const named = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

const namedFormat: StreamFormat = {
  contentType: "text/event-stream; charset=utf-8",
  record: (value) => named(value as { type: string }),
  fault: (error) => named(anthropicError(error)),
  end: "",
};

/** Streams server-sent events that carry their type as a name, as Anthropic does; a fault is a last event `error`. */
export const namedSse = (values: AsyncIterable<{ type: string }>, signal: AbortSignal): Promise<Response> =>
  streamResponse(values, namedFormat, signal);
