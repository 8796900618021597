import { ollamaError } from "./errors.ts";
import { type StreamFormat, streamResponse } from "./stream.ts";

const format: StreamFormat = {
  contentType: "application/x-ndjson",
  record: (value) => `${JSON.stringify(value)}\n`,
  fault: (error) => `${JSON.stringify(ollamaError(error))}\n`,
  end: "",
};

/** Streams one JSON value a line, as Ollama does; a fault is a last line `{"error": ...}`. */
export const ndjson = (values: AsyncIterable<unknown>, signal: AbortSignal): Promise<Response> =>
  streamResponse(values, format, signal);
