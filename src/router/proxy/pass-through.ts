import { type AppError, toAppError } from "../../core/errors.ts";
import { anthropicError, ollamaError, openAiError, responsesFault } from "../../http/errors.ts";
import type { StreamDialect } from "./endpoints.ts";
import type { UpstreamBody } from "./upstream-body.ts";
import { createWholeLines, type WholeLines } from "./whole-lines.ts";

export interface PassThroughOptions {
  /** Of the stream, for the event that ends it when the node dies; absent = no stream but one long answer, which is cut. */
  dialect?: StreamDialect | undefined;
  /** Told once: `undefined` = it came to its end, or the node's fault, or `cancelled` for a client that went away. */
  onEnd(error?: AppError): void;
}

const named = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/** The last record of a stream that broke. */
const faultOf: Record<StreamDialect, (error: AppError) => string> = {
  openAi: (error) => `data: ${JSON.stringify(openAiError(error))}\n\n`,
  responses: (error) => named(responsesFault(error)),
  anthropic: (error) => named(anthropicError(error)),
  ollama: (error) => `${JSON.stringify(ollamaError(error))}\n`,
};

const encoder = new TextEncoder();

/** The node's bytes as they come, no faster than the client takes them. */
export const passThrough = (body: UpstreamBody, { dialect, onEnd }: PassThroughOptions): ReadableStream<Uint8Array> => {
  const lines = dialect && createWholeLines();
  let ended = false;
  const end = (error?: AppError): void => {
    if (ended) return;
    ended = true;
    onEnd(error);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const piece = await nextPiece(body, lines);
          if (piece) return controller.enqueue(piece);
          end();
          controller.close();
        } catch (thrown) {
          const error = toAppError(thrown);
          end(error);
          if (!dialect || !lines || error.code === "cancelled") return controller.error(error);
          // An event that was cut after one of its lines ends first.
          const blank = lines.atBlank || dialect === "ollama" ? "" : "\n";
          controller.enqueue(encoder.encode(blank + faultOf[dialect](error)));
          controller.close();
        }
      },
      cancel() {
        body.cancel();
        end(toAppError(new DOMException("the client went away", "AbortError")));
      },
    },
    { highWaterMark: 0 },
  );
};

/** Undefined = the end. */
const nextPiece = async (body: UpstreamBody, lines: WholeLines | undefined): Promise<Uint8Array | undefined> => {
  for (;;) {
    const piece = await body.read();
    if (!lines) return piece;
    if (!piece) return lines.rest();
    const whole = lines.push(piece);
    if (whole) return whole;
  }
};
