import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { checkedAddresses, type Lookup } from "./address-guard.ts";

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

/**
 * Questions to one node, for one probe. Redirects are not followed, and the node's address is checked each time: names change hands. It is asked
 * at the address that was checked, and directly, as requests are: what a proxy reaches says nothing of what the router does.
 */
export const askNode = (url: string, key: string | undefined, options: AskOptions): Ask => {
  const base = new URL(url);
  const checked = checkedAddresses(base.hostname, options.lookup);
  checked.catch(() => undefined); // told by the first question
  const asked = new Map<string, Promise<Answer>>();
  return (path) => {
    const known =
      asked.get(path) ?? checked.then((addresses) => askAny({ base, path, key, addresses }, options).catch(explain));
    asked.set(path, known);
    return known;
  };
};

interface Question {
  base: URL;
  path: string;
  key: string | undefined;
  addresses: readonly string[];
}

/** A machine may have several addresses of which a server listens on one. */
const askAny = async ({ base, path, key, addresses }: Question, options: AskOptions): Promise<Answer> => {
  const { clock, signal } = options;
  const late = new AbortController();
  const cancel = clock.after(answerMs, () => late.abort(new AppError("connection", "it does not answer")));
  const until = signal ? AbortSignal.any([late.signal, signal]) : late.signal;
  let fault: unknown;
  try {
    for (const address of addresses) {
      try {
        return await getJson({ base, path, key, address }, options.fetch ?? fetch, until);
      } catch (cause) {
        fault = cause;
        if (!isUnreachable(cause)) break;
      }
    }
    throw late.signal.aborted ? late.signal.reason : fault;
  } finally {
    cancel();
  }
};

const getJson = async (
  { base, path, key, address }: Omit<Question, "addresses"> & { address: string },
  ask: NonNullable<AskOptions["fetch"]>,
  signal: AbortSignal,
): Promise<Answer> => {
  const at = new URL(base.href.replace(/\/$/, "") + path);
  at.hostname = address.includes(":") ? `[${address}]` : address;
  const response = await ask(at.href, {
    headers: {
      accept: "application/json",
      host: base.host,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    redirect: "manual",
    signal,
    proxy: false,
    ...(address !== bareHost(base) && { tls: { serverName: bareHost(base) } }),
  } as BunFetchRequestInit);
  const text = await readBounded(response);
  return { status: response.status, body: parseJson(text), server: response.headers.get("server") ?? "" };
};

const bareHost = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, "");

const explain = (cause: unknown): never => {
  throw cause instanceof AppError ? cause : new AppError("connection", reasonOf(cause), { cause });
};

const isUnreachable = (cause: unknown): boolean =>
  /^(ConnectionRefused|ECONNREFUSED|FailedToOpenSocket)$/.test((cause as { code?: string }).code ?? "");

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
