import { type Clock, sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { backoffMs } from "./backoff.ts";
import { networkReason } from "./hub-error.ts";
import { fetchMoved } from "./hub-fetch.ts";
import { partWriter, WriteError } from "./part-writer.ts";
import { newPart, type Part } from "./plan-parts.ts";
import type { FileLocator, XetLocation } from "./resolve-file.ts";
import type { Transfer } from "./transfer.ts";

export interface XetTransfer
  extends Pick<Transfer, "label" | "sizeBytes" | "file" | "clock" | "log" | "signal" | "onWritten"> {
  locator: Pick<FileLocator, "current">;
  xet: XetLocation;
}

const failuresMax = 5; // with the doubling waits about eight seconds; the reader tries again by itself too
const progressBytes = 64 * 1024;
const silenceMs = 60_000; // its requests wait for each other and for the disk: far more patience than with a plain stream

/**
 * Reads what `parts` still lack through @huggingface/hub's Xet reader: one gap after the other, each in parallel inside. What it
 * brings is not hashed by the reader; the download's own hash covers it. Throws `hub_unavailable`.
 */
export const downloadByXet = async (transfer: XetTransfer, parts: readonly Part[]): Promise<void> => {
  for (const gap of gapsOf(parts)) await readGap(transfer, gap);
};

/** What is missing, with neighbours joined: every gap costs the reader a plan of its own. */
export const gapsOf = (parts: readonly Part[]): Part[] => {
  const gaps: Part[] = [];
  for (const { position, end } of parts) {
    if (position >= end) continue;
    const last = gaps.at(-1);
    if (last?.end === position) gaps[gaps.length - 1] = newPart(last.start, end);
    else gaps.push(newPart(position, end));
  }
  return gaps;
};

const readGap = async (transfer: XetTransfer, gap: Part): Promise<void> => {
  const { clock, log, signal, label } = transfer;
  while (gap.position < gap.end) {
    const before = gap.position;
    const reason = await attempt(transfer, gap);
    if (reason === undefined) continue;
    if (gap.position - before >= progressBytes) gap.failures = 0;
    gap.failures++;
    if (gap.failures >= failuresMax) throw givingUp(transfer, reason);
    const waitMs = backoffMs(gap.failures);
    log.debug(`${label} at byte ${gap.position}, through Xet: ${reason}; trying again in ${waitMs} ms`);
    await sleep(clock, waitMs, signal);
  }
};

const givingUp = ({ label, locator }: XetTransfer, reason: string) =>
  new AppError(
    "hub_unavailable",
    `${new URL(locator.current().url).host} refuses the download of ${label} and Xet, the other way, failed ${failuresMax} times: ` +
      `${reason}; what was downloaded is kept, pull again later to go on`,
  );

/** Undefined when all of the gap was read, else why not. */
const attempt = async (transfer: XetTransfer, gap: Part): Promise<string | undefined> => {
  const { clock, signal, xet, sizeBytes } = transfer;
  const controller = new AbortController();
  const any = AbortSignal.any([signal, controller.signal]);
  const watch = silenceWatch(clock, () => controller.abort(new Error(`no bytes for ${silenceMs / 1000} s`)));
  try {
    signal.throwIfAborted();
    const { __internal_XetBlob: XetBlob } = await import("@huggingface/hub"); // rarely needed, and it costs start-up time
    const whole = new XetBlob({
      hash: xet.hash,
      refreshUrl: xet.authUrl,
      ...(xet.reconstructionUrl === undefined ? {} : { reconstructionUrl: xet.reconstructionUrl }),
      size: sizeBytes,
      fetch: xetFetch(clock, xet, any),
      listener: watch.alive,
    });
    // Not stream(): that one turns errors into strings.
    const { body } = await untilAborted(whole.slice(gap.position, gap.end).response(), any);
    if (body) await receive(transfer, gap, body, any);
    return gap.position === gap.end ? undefined : "the answer ended early";
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof WriteError || error instanceof AppError) throw error;
    return reasonOf(error);
  } finally {
    watch.stop();
    controller.abort(); // ends what the reader still has under way
  }
};

const receive = async (
  transfer: XetTransfer,
  gap: Part,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> => {
  const reader = body.getReader();
  const writer = partWriter(transfer, gap);
  let wantedBytes = gap.end - gap.position;
  try {
    while (wantedBytes > 0) {
      const { done, value } = await untilAborted(reader.read(), signal);
      if (done) break;
      const bytes = value.subarray(0, wantedBytes);
      wantedBytes -= bytes.length;
      await writer.push(bytes);
    }
  } finally {
    void reader.cancel().catch(() => undefined); // not awaited: it waits for requests that are aborted only after this
    await writer.end();
  }
};

/** The reader does not know signals: it may wait for something that an aborted request will never bring. */
const untilAborted = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  promise.catch(() => undefined); // one that loses the race must not be an unhandled rejection
  if (signal.aborted) throw signal.reason;
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

/** fetch as the reader uses it: with our signal, and with the token where the endpoint is asked for access. */
const xetFetch = (clock: Clock, xet: XetLocation, signal: AbortSignal): typeof fetch => {
  const request = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    const { authorization, ...headers } = Object.fromEntries(new Headers(init?.headers).entries());
    const own = url === xet.authUrl ? xet.authHeaders : authorization === undefined ? {} : { authorization };
    const response = await fetchMoved({ clock, signal }, url, own, headers);
    if (typeof response === "string") throw new Error(`redirected ${response}`);
    return response;
  };
  return Object.assign(request, { preconnect: fetch.preconnect });
};

const silenceWatch = (clock: Clock, onSilence: () => void) => {
  let cancel = clock.after(silenceMs, onSilence);
  return {
    alive() {
      cancel();
      cancel = clock.after(silenceMs, onSilence);
    },
    stop: () => cancel(),
  };
};

const reasonOf = (error: unknown): string => {
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === "number" ? `status ${statusCode}` : networkReason(error);
};
