import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { checkAddress, type Lookup } from "./address-guard.ts";

/** What a node answered to one question. */
export interface Answer {
  readonly status: number;
  /** Parsed; undefined for what is no JSON. */
  readonly body: unknown;
  /** The Server header. */
  readonly server: string;
}

/** Asks a node for a path; throws `connection` when it does not answer in time. A path that was asked is not asked again. */
export type Ask = (path: string) => Promise<Answer>;

export interface AskOptions {
  clock: Clock;
  lookup: Lookup;
  fetch?: (url: string, init: BunFetchRequestInit) => Promise<Response>;
  /** Ends the questions under way. */
  signal?: AbortSignal;
}

const answerMs = 5_000; // an idle server needs milliseconds; one that computes on all its cores may need seconds
const answerMaxBytes = 16 * 2 ** 20; // a listing of 10,000 models is 5 MB

/** Questions to one node, for one probe. Redirects are not followed, and the node's address is checked each time: names change hands. */
export const askNode = (url: string, key: string | undefined, options: AskOptions): Ask => {
  const checked = checkAddress(url, options.lookup);
  checked.catch(() => undefined); // told by the first question
  const asked = new Map<string, Promise<Answer>>();
  return (path) => {
    const known = asked.get(path) ?? checked.then(() => getJson(url + path, key, options));
    asked.set(path, known);
    return known;
  };
};

const getJson = async (url: string, key: string | undefined, options: AskOptions): Promise<Answer> => {
  const { clock, fetch: ask = fetch, signal } = options;
  const late = new AbortController();
  const cancel = clock.after(answerMs, () => late.abort());
  try {
    const response = await ask(url, {
      headers: { accept: "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      redirect: "manual",
      signal: signal ? AbortSignal.any([late.signal, signal]) : late.signal,
      ...(isLocal(url) ? { proxy: false as const } : {}),
    });
    const text = await readBounded(response);
    return { status: response.status, body: parseJson(text), server: response.headers.get("server") ?? "" };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("connection", late.signal.aborted ? "it does not answer" : reasonOf(cause), { cause });
  } finally {
    cancel();
  }
};

/** Loopback is never behind a proxy, but Bun would ask one for it when HTTP_PROXY is set and NO_PROXY is not. */
const isLocal = (url: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);

const readBounded = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > answerMaxBytes) throw new AppError("corrupt", `it sent more than ${answerMaxBytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
};

const reasons: Readonly<Record<string, string>> = {
  ConnectionRefused: "it refuses connections",
  ECONNREFUSED: "it refuses connections",
  ECONNRESET: "it broke the connection",
  ConnectionClosed: "it broke the connection",
  FailedToOpenSocket: "it cannot be reached",
};

/** A line for people; Bun's own messages speak to programmers. */
const reasonOf = (cause: unknown): string => {
  const { code = "", message = "" } = cause as { code?: string; message?: string };
  return reasons[code] ?? (/CERT|TLS|SSL|SELF_SIGNED|ISSUER/.test(code) ? `its certificate: ${code}` : message || code);
};
