import { type AppError, toAppError } from "../core/errors.ts";

/** How one dialect writes a stream: a record, a fault in mid-stream, and what closes a stream that went well. */
export interface StreamFormat {
  contentType: string;
  record(value: unknown): string;
  fault(error: AppError): string;
  end: string;
}

/**
 * Sends `values` as they come. The first value is awaited before the response is made, so that an early fault still gets its own
 * status; a later one becomes the dialect's error record, never a clean end. The source is closed when the client goes away, told by
 * the body's cancel or, for a body that nobody has begun to read, by the request's `signal`: a source left open would keep its slot.
 */
export const streamResponse = async (
  values: AsyncIterable<unknown>,
  format: StreamFormat,
  signal: AbortSignal,
): Promise<Response> => {
  const iterator = values[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let upcoming: Promise<IteratorResult<unknown>> | undefined = Promise.resolve(await iterator.next());
  // What fails while it is closed has no reader any more.
  const close = async () => void (await iterator.return?.().catch(() => undefined));
  if (signal.aborted) await close();
  signal.addEventListener("abort", close, { once: true });
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await (upcoming ?? iterator.next());
          upcoming = undefined;
          const text = done ? format.end : format.record(value);
          if (text) controller.enqueue(encoder.encode(text));
          if (done) controller.close();
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
