import { type Clock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";

// Twice what Apache's mod_reqtimeout asks for after its grace: the slowest mobile link sends a picture in time, a body of one byte a
// second does not hold its connection for ever.
const bytesPerSecondMin = 1024;
const graceMs = 60_000;
const silenceMaxMs = 60_000;

/** The JSON value that a request carries. Throws `invalid_argument`, and `request_timeout` for a body that comes too slowly. */
export const readJson = async (request: Request, clock: Clock = systemClock): Promise<unknown> => {
  const text = await readText(request, clock);
  if (text === "") throw new AppError("invalid_argument", "missing request body");
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("invalid_argument", "invalid JSON in the request body");
  }
};

const readText = async (request: Request, clock: Clock): Promise<string> => {
  const reader = request.body?.getReader();
  const decoder = new TextDecoder();
  const startMs = clock.now();
  let text = "";
  let bytes = 0;
  while (reader) {
    const part = await inTime(reader.read(), clock, patienceMs(bytes, clock.now() - startMs));
    if (part === "late") {
      void reader.cancel().catch(() => undefined);
      throw new AppError("request_timeout", `the request's body came too slowly: ${bytes} bytes so far`);
    }
    if (part.done) break;
    bytes += part.value.length;
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
};

/** How long the next piece may take. */
const patienceMs = (bytes: number, elapsedMs: number): number =>
  Math.max(0, Math.min(silenceMaxMs, graceMs + (bytes / bytesPerSecondMin) * 1000 - elapsedMs));

const inTime = <T>(work: Promise<T>, clock: Clock, ms: number): Promise<T | "late"> => {
  const late = Promise.withResolvers<"late">();
  const cancel = clock.after(ms, () => late.resolve("late"));
  return Promise.race([work, late.promise]).finally(cancel);
};
