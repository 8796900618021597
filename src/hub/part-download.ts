import { sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { backoffMs } from "./backoff.ts";
import { networkReason } from "./hub-error.ts";
import { partWriter, WriteError } from "./part-writer.ts";
import type { Part } from "./plan-parts.ts";
import { type Outcome, type Restart, requestRange } from "./range-request.ts";
import type { FileLocation } from "./resolve-file.ts";
import type { Stream, Transfer } from "./transfer.ts";

const failuresMax = 8; // with the doubling waits about a minute without a byte
const progressBytes = 64 * 1024; // less than this is no sign that the next attempt will do better

/** Thrown inside a dropped stream; the part goes on with another request. */
export class Dropped extends Error {}

/**
 * Fetches one part, with as many requests as it takes. Returns undefined when done, or why the whole file must start again.
 * Throws what cannot be helped: abort, a full disk, too many attempts without progress.
 */
export const downloadPart = async (transfer: Transfer, part: Part): Promise<Restart | undefined> => {
  const { clock, log, signal, locator } = transfer;
  for (;;) {
    const before = part.position;
    const location = locator.current();
    let outcome = await attempt(transfer, part);
    signal.throwIfAborted();
    if (outcome.kind === "done") return undefined;
    if (outcome.kind === "restart") return outcome;
    if (part.position - before >= progressBytes) part.failures = 0;
    if (outcome.kind === "expired") {
      log.debug(`${transfer.label}: ${outcome.reason}; asking for a fresh address`);
      const unreachable = await renew(transfer, location, outcome.reason);
      if (unreachable === undefined) continue;
      outcome = { kind: "retry", reason: unreachable };
    }
    part.failures++;
    if (part.failures >= failuresMax) throw givingUp(transfer, outcome.reason);
    const waitMs = outcome.waitMs ?? backoffMs(part.failures);
    log.debug(`${transfer.label} at byte ${part.position}: ${outcome.reason}; trying again in ${waitMs} ms`);
    await sleep(clock, waitMs, signal);
  }
};

/** Undefined when there is a fresh address; the reason when the Hub cannot be reached now, which may pass. */
const renew = async ({ locator }: Transfer, refused: FileLocation, reason: string): Promise<string | undefined> => {
  try {
    await locator.renew(refused, reason);
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "hub_unavailable") return error.message;
    throw error;
  }
};

const givingUp = ({ label, locator }: Transfer, reason: string) =>
  new AppError(
    "hub_unavailable",
    `gave up on ${label} after ${failuresMax} attempts without progress at ${new URL(locator.current().url).host}: ` +
      `${reason}; what was downloaded is kept, pull again to go on`,
  );

const attempt = async (transfer: Transfer, part: Part): Promise<Outcome> => {
  const { clock, signal, streams } = transfer;
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const startedMs = clock.now();
  const stream: Stream = { controller, startedMs, lastByteMs: startedMs, bytes: 0, drops: part.drops };
  streams.add(stream);
  try {
    signal.throwIfAborted();
    return await fetchPart(transfer, part, stream);
  } catch (error) {
    signal.throwIfAborted();
    if (isFatal(error)) throw error;
    const { reason } = controller.signal;
    if (!(reason instanceof Dropped)) return { kind: "retry", reason: networkReason(error) };
    part.drops++;
    return { kind: "retry", reason: reason.message };
  } finally {
    streams.delete(stream);
    signal.removeEventListener("abort", onAbort);
    controller.abort(); // whatever of the answer was not read is not wanted
  }
};

const fetchPart = async (transfer: Transfer, part: Part, stream: Stream): Promise<Outcome> => {
  const { locator, sizeBytes, ranged, clock } = transfer;
  if (!ranged) part.position = part.start; // without ranges there is no going on in the middle
  const answer = await requestRange({
    location: locator.current(),
    start: part.position,
    end: part.end,
    sizeBytes,
    ranged,
    clock,
    signal: stream.controller.signal,
  });
  if (answer.kind !== "body") return answer;
  if (transfer.changedEtag(answer.etag)) {
    return { kind: "restart", reason: "the file changed on the server", ranged };
  }
  await receive(transfer, part, stream, answer.body);
  return part.position === part.end ? { kind: "done" } : { kind: "retry", reason: "the answer ended early" };
};

/** Writes a body to its place. */
const receive = async (
  transfer: Transfer,
  part: Part,
  stream: Stream,
  body: ReadableStream<Uint8Array>,
): Promise<void> => {
  const reader = body.getReader();
  const writer = partWriter(transfer, part);
  let wantedBytes = part.end - part.position;
  try {
    while (wantedBytes > 0) {
      const { done, value } = await reader.read();
      if (done) break;
      stream.lastByteMs = transfer.clock.now();
      stream.bytes += value.length;
      transfer.locator.worked();
      const bytes = value.length > wantedBytes ? value.subarray(0, wantedBytes) : value; // never more than asked for
      wantedBytes -= bytes.length;
      await writer.push(bytes);
    }
  } finally {
    await writer.end();
  }
};

const isFatal = (error: unknown): boolean => error instanceof WriteError || error instanceof AppError;
