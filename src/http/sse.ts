import type { Clock } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import { openAiError } from "./errors.ts";
import { type StreamFormat, streamResponse } from "./stream.ts";

const comment = ": still at work\n\n"; // which clients skip

const format: StreamFormat = {
  contentType: "text/event-stream; charset=utf-8",
  record: (value) => `data: ${JSON.stringify(value)}\n\n`,
  fault: (error) => `data: ${JSON.stringify(openAiError(error))}\n\n`,
  end: "data: [DONE]\n\n",
  heartbeat: comment,
};

/** Streams server-sent events as OpenAI does, closed by `[DONE]`; a fault is a last event `{"error": ...}` without `[DONE]`. */
export const sse = (values: AsyncIterable<unknown>, signal: AbortSignal, clock: Clock): Promise<Response> =>
  streamResponse(values, format, signal, clock);

const named = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

interface NamedEvents {
  fault(error: AppError): { type: string };
  /** Absent = a comment. */
  heartbeat?: { type: string };
  clock: Clock;
}

/**
 * Streams server-sent events that carry their type as a name, as Anthropic does and OpenAI's responses; a fault is a last event that
 * `fault` makes.
 */
export const namedSse = (
  values: AsyncIterable<{ type: string }>,
  signal: AbortSignal,
  { fault, heartbeat, clock }: NamedEvents,
): Promise<Response> =>
  streamResponse(
    values,
    {
      contentType: "text/event-stream; charset=utf-8",
      record: (value) => named(value as { type: string }),
      fault: (error) => named(fault(error)),
      end: "",
      heartbeat: heartbeat ? named(heartbeat) : comment,
    },
    signal,
    clock,
  );
