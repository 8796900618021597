import { type Clock, systemClock } from "../core/clock.ts";
import { type AppError, toAppError } from "../core/errors.ts";

/** How one dialect writes a stream: a record, a fault in mid-stream, and what closes a stream that went well. */
export interface StreamFormat {
  contentType: string;
  record(value: unknown): string;
  fault(error: AppError): string;
  end: string;
  /** Sent in long silences, so that nobody between takes the connection for dead; none where the dialect has no such thing. */
  heartbeat?: string;
}

/** Well below the minute after which nginx and load balancers cut a silent connection. */
export const heartbeatMs = 15_000;

/**
 * Sends `values` as they come. The first value is awaited before the response is made, so that an early fault still gets its own
 * status (after `heartbeatMs` only where the format has no heartbeat); a later one becomes the dialect's error record, never a clean end.
 * The source is closed when the client goes away, told by the body's cancel or, for a body that nobody has begun to read, by the request's
 * `signal`: a source left open would keep its slot.
 */
export const streamResponse = async (
  values: AsyncIterable<unknown>,
  format: StreamFormat,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<Response> => {
  const iterator = values[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const next = valueOrSilence(iterator, clock, format.heartbeat === undefined ? undefined : heartbeatMs);
  let first: Promise<IteratorResult<unknown> | "silence"> | undefined = Promise.resolve(await next());
  // What fails while it is closed has no reader any more.
  const close = async () => void (await iterator.return?.().catch(() => undefined));
  if (signal.aborted) await close();
  signal.addEventListener("abort", close, { once: true });
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const result = await (first ?? next());
          first = undefined;
          const text = result === "silence" ? format.heartbeat : result.done ? format.end : format.record(result.value);
          if (text) controller.enqueue(encoder.encode(text));
          if (result !== "silence" && result.done) controller.close();
        } catch (error) {
          controller.enqueue(encoder.encode(format.fault(toAppError(error))));
          controller.close();
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 }, // the source runs only as far ahead as the client reads
  );
  return new Response(body, { headers: { "content-type": format.contentType, "cache-control": "no-cache" } });
};

/** The next value, or word that it is not there after `silenceMs`; it then comes from a later call. */
const valueOrSilence = (iterator: AsyncIterator<unknown>, clock: Clock, silenceMs: number | undefined) => {
  let upcoming: Promise<IteratorResult<unknown>> | undefined;
  return async (): Promise<IteratorResult<unknown> | "silence"> => {
    upcoming ??= iterator.next();
    const silence = Promise.withResolvers<"silence">();
    const cancel = silenceMs === undefined ? undefined : clock.after(silenceMs, () => silence.resolve("silence"));
    const result = await Promise.race([upcoming, silence.promise]).finally(cancel);
    if (result !== "silence") upcoming = undefined;
    return result;
  };
};
