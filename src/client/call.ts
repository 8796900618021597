import { type Clock, systemClock } from "../core/clock.ts";
import { AppError, type ErrorCode } from "../core/errors.ts";
import {
  cannotConnect,
  connectionLost,
  type Fetch,
  hostOf,
  isLoopback,
  type Probe,
  type ServerRole,
  tcpProbe,
  toConnectionError,
  wasReset,
  watchConnect,
} from "./connection.ts";
import { errorOfResponse } from "./server-error.ts";

export interface ClientOptions {
  /** Without a trailing slash, e.g. `http://127.0.0.1:32769`. */
  baseUrl: string;
  /** What messages call the server; default `node`. */
  role?: ServerRole;
  /** Sent with every request. */
  apiKey?: string | undefined;
  fetch?: Fetch;
  /** True when the environment names a proxy: whether the server itself can be reached then says nothing. */
  behindProxy?: boolean;
  /** Looks whether a silent host is there at all; by TCP unless a test says otherwise. */
  probe?: Probe;
  clock?: Clock;
}

export interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** What this endpoint means by a status. */
  statusCodes?: Readonly<Record<number, ErrorCode>>;
}

const bodyMaxBytes = 256 * 1024 * 1024; // a listing of 1,000 models is 0.5 MB; more than this is no answer of ours
/** Resolves with a successful response whose body is still unread. */
export const call = async (options: ClientOptions, request: Call): Promise<Response> => {
  const { baseUrl } = options;
  const url = new URL(baseUrl + request.path);
  const gaveUp = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, gaveUp.signal]) : gaveUp.signal;
  const direct = isLoopback(url.hostname);
  const answer = (options.fetch ?? fetch)(url.href, {
    method: request.method,
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    headers: {
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
    },
    signal,
    redirect: "manual", // a node never redirects; following one could carry a prompt to another host
    timeout: false, // Bun's default ends a request after five silent minutes, which a slow load may take
    ...(direct ? { proxy: false as const } : {}),
  });
  if (!direct && !options.behindProxy) {
    const giveUp = (cause: unknown) => gaveUp.abort(cause);
    watchConnect(url, answer, giveUp, options.probe ?? tcpProbe, options.clock ?? systemClock);
  }
  const response = await answer.catch((thrown: unknown) => {
    throw toConnectionError(thrown, request.signal, (cause) =>
      wasReset(cause) ? connectionLost(baseUrl, cause) : cannotConnect(baseUrl, options.role ?? "node", cause),
    );
  });
  if (response.ok) return response;
  const text = await readText(response, options, request.signal).catch(() => "");
  throw await errorOfResponse(response, text, { host: hostOf(baseUrl), path: request.path }, request.statusCodes);
};

export const callText = async (options: ClientOptions, request: Call): Promise<string> =>
  await readText(await call(options, request), options, request.signal);

export const callJson = async (options: ClientOptions, request: Call): Promise<unknown> => {
  const text = await callText(options, request);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const place = `${hostOf(options.baseUrl)} answered ${request.path}`;
    throw new AppError(
      "corrupt",
      `${place} with something that is not JSON; is it an llmlb ${options.role ?? "node"}?`,
      { cause },
    );
  }
};

const readText = async (response: Response, options: ClientOptions, signal?: AbortSignal): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    // A declared length is the bound already; reading it at once takes a fifth of the time for 1,000 models.
    if (Number(response.headers.get("content-length") ?? Number.NaN) <= bodyMaxBytes) return await response.text();
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > bodyMaxBytes)
        throw new AppError("corrupt", `${hostOf(options.baseUrl)} sent an answer larger than ${bodyMaxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (thrown) {
    throw toConnectionError(thrown, signal, (cause) => connectionLost(options.baseUrl, cause));
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
};
