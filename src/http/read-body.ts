import { type Clock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";

// Twice what Apache's mod_reqtimeout asks for after its grace: the slowest mobile link sends a picture in time, a body of one byte a
// second does not hold its connection for ever.
const bytesPerSecondMin = 1024;
const graceMs = 60_000;
const silenceMaxMs = 60_000;
const wholeMaxBytes = 64 * 1024; // so small a body has arrived with its head, as a rule

/** The body of a request; `listen` bounds it. Throws `request_timeout` for one that comes too slowly. */
export const readBody = async (request: Request, clock: Clock = systemClock): Promise<Uint8Array> => {
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  // One read with one deadline takes half of the time that a reader does.
  if (length <= wholeMaxBytes) {
    const body = await inTime(request.bytes(), clock, patienceMs(length, 0));
    if (body === "late") throw tooSlow();
    return body;
  }
  return await readPieces(request, clock);
};

const readPieces = async (request: Request, clock: Clock): Promise<Uint8Array> => {
  const reader = request.body?.getReader();
  const startMs = clock.now();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  while (reader) {
    const part = await inTime(reader.read(), clock, patienceMs(bytes, clock.now() - startMs));
    if (part === "late") {
      void reader.cancel().catch(() => undefined);
      throw tooSlow(bytes);
    }
    if (part.done) break;
    bytes += part.value.length;
    parts.push(part.value);
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
};

const tooSlow = (bytes?: number) =>
  new AppError(
    "request_timeout",
    `the request's body came too slowly${bytes === undefined ? "" : `: ${bytes} bytes so far`}`,
  );

/** How long the next piece may take. */
const patienceMs = (bytes: number, elapsedMs: number): number =>
  Math.max(0, Math.min(silenceMaxMs, graceMs + (bytes / bytesPerSecondMin) * 1000 - elapsedMs));

/** By hand: `Promise.race` and `finally` take several times as long, and every request comes by here. */
const inTime = <T>(work: Promise<T>, clock: Clock, ms: number): Promise<T | "late"> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve("late"));
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error) => {
        cancel();
        reject(error);
      },
    );
  });
