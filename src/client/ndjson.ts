import { AppError } from "../core/errors.ts";
import { lineMaxChars, readLines } from "./lines.ts";
import { findServerError } from "./server-error.ts";

/**
 * Yields the records of an NDJSON stream. An `{"error"}` record is thrown as an AppError, a line that is not JSON as `corrupt`.
 * Empty lines are skipped. Throws whatever the body throws when the connection breaks.
 */
export async function* readNdjson<T>(
  body: ReadableStream<Uint8Array>,
  maxChars: number = lineMaxChars,
): AsyncGenerator<T> {
  for await (const line of readLines(body, maxChars)) {
    if (line.trim() === "") continue;
    const record = parseRecord(line);
    const error = findServerError(record, "internal");
    if (error) throw error;
    yield record as T;
  }
}

const parseRecord = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AppError("corrupt", `the server sent a line that is not JSON: ${line.slice(0, 80)}`, { cause });
  }
};
