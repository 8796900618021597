import { AppError } from "../core/errors.ts";
import { lineMaxChars, readLines } from "./lines.ts";
import { findServerError } from "./server-error.ts";

export interface SseEvent {
  /** `message` when the server names none. */
  event: string;
  data: string;
}

/**
 * Yields the events of a text/event-stream as the HTML standard defines them; comments and unknown fields are skipped,
 * an event that the stream cuts off is dropped. Throws `corrupt` on a line or an event longer than `maxChars`.
 */
export async function* readSse(
  body: ReadableStream<Uint8Array>,
  maxChars: number = lineMaxChars,
): AsyncGenerator<SseEvent> {
  let event = "";
  let data: string[] = [];
  let dataChars = 0;
  for await (const line of readLines(body, maxChars)) {
    if (line === "") {
      if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
      event = "";
      data = [];
      dataChars = 0;
      continue;
    }
    const [, field = "", value = ""] = /^([^:]*)(?::[ ]?(.*))?$/s.exec(line) ?? [];
    if (field === "event") event = value;
    if (field !== "data") continue;
    dataChars += value.length + 1; // with its line end: without text they take memory too
    if (dataChars > maxChars)
      throw new AppError("corrupt", `the server sent an event longer than ${maxChars} characters`);
    data.push(value);
  }
}

/**
 * Yields the JSON records of an OpenAI stream up to `[DONE]`. An `{"error"}` record is thrown as an AppError;
 * a stream that ends without `[DONE]` throws `lost()`, because an answer that was cut must not look whole.
 */
export async function* readSseJson<T>(
  body: ReadableStream<Uint8Array>,
  lost: () => AppError,
  maxChars: number = lineMaxChars,
): AsyncGenerator<T> {
  for await (const { data } of readSse(body, maxChars)) {
    if (data === "[DONE]") return;
    const record = parseData(data);
    const error = findServerError(record, "internal");
    if (error) throw error;
    yield record as T;
  }
  throw lost();
}

const parseData = (data: string): unknown => {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new AppError("corrupt", `the server sent an event that is not JSON: ${data.slice(0, 80)}`, { cause });
  }
};
