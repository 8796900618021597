import type { AppError } from "../core/errors.ts";
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

const named = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/**
 * Streams server-sent events that carry their type as a name, as Anthropic does and OpenAI's responses; a fault is a last event that
 * `fault` makes.
 */
export const namedSse = (
  values: AsyncIterable<{ type: string }>,
  signal: AbortSignal,
  fault: (error: AppError) => { type: string },
): Promise<Response> =>
  streamResponse(
    values,
    {
      contentType: "text/event-stream; charset=utf-8",
      record: (value) => named(value as { type: string }),
      fault: (error) => named(fault(error)),
      end: "",
    },
    signal,
  );
