import { openAiError } from "./errors.ts";
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
