import type { NodeReport } from "../api/node.ts";
import type {
  OllamaChatRequest,
  OllamaChatResponse,
  OllamaGenerateRequest,
  OllamaGenerateResponse,
  OllamaPsResponse,
  OllamaPullPlan,
  OllamaPullProgress,
  OllamaShowResponse,
  OllamaTagsResponse,
} from "../api/ollama.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { AppError, type ErrorCode } from "../core/errors.ts";
import {
  cannotConnect,
  connectionLost,
  type Fetch,
  hostOf,
  isLoopback,
  type Probe,
  tcpProbe,
  toConnectionError,
  wasReset,
  watchConnect,
} from "./connection.ts";
import { readNdjson } from "./ndjson.ts";
import { errorOfResponse } from "./server-error.ts";

/**
 * A node, a router or an Ollama server over HTTP. Every call throws an AppError: `connection` when the server cannot be reached
 * or goes away before its final record, the server's own message otherwise. Leaving a stream's loop early ends the request.
 */
export interface Client {
  /** `host:port`, or the URL of a server that is not plain HTTP; for messages. */
  readonly host: string;
  version(signal?: AbortSignal): Promise<string>;
  /** What a node has and does; an Ollama server has no such report. */
  node(signal?: AbortSignal): Promise<NodeReport>;
  tags(signal?: AbortSignal): Promise<OllamaTagsResponse>;
  ps(signal?: AbortSignal): Promise<OllamaPsResponse>;
  /** Throws `model_not_found`. */
  show(model: string, signal?: AbortSignal): Promise<OllamaShowResponse>;
  /** Gives a model one more short name. Throws `model_not_found`, `conflict`. */
  copy(source: string, destination: string, signal?: AbortSignal): Promise<void>;
  /** Throws `model_not_found`. */
  remove(model: string, signal?: AbortSignal): Promise<void>;
  /** Loads the model, which may take minutes, and keeps it for `keepAlive`. */
  load(model: string, keepAlive?: number | string, signal?: AbortSignal): Promise<void>;
  /** Unloads the model. Throws `model_not_found`. */
  stop(model: string, signal?: AbortSignal): Promise<void>;
  pull(model: string, signal?: AbortSignal): AsyncGenerator<OllamaPullProgress>;
  /** What `pull` would do. */
  planPull(model: string, signal?: AbortSignal): Promise<OllamaPullPlan>;
  chat(request: OllamaChatRequest, signal?: AbortSignal): AsyncGenerator<OllamaChatResponse>;
  generate(request: OllamaGenerateRequest, signal?: AbortSignal): AsyncGenerator<OllamaGenerateResponse>;
}

export interface ClientOptions {
  /** Without a trailing slash, e.g. `http://127.0.0.1:32769`. */
  baseUrl: string;
  /** Sent with every request. */
  apiKey?: string | undefined;
  fetch?: Fetch;
  /** True when the environment names a proxy: whether the server itself can be reached then says nothing. */
  behindProxy?: boolean;
  /** Looks whether a silent host is there at all; by TCP unless a test says otherwise. */
  probe?: Probe;
  clock?: Clock;
}

interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** What this endpoint means by a status. */
  statusCodes?: Readonly<Record<number, ErrorCode>>;
}

const bodyMaxBytes = 256 * 1024 * 1024; // a listing of 1,000 models is 0.5 MB; more than this is no answer of ours
const ofModel = { 404: "model_not_found" } as const;
const ofPull = { 404: "model_not_found", 502: "hub_unavailable", 504: "hub_unavailable" } as const;

export const createClient = (options: ClientOptions): Client => {
  const post = (
    path: string,
    body: unknown,
    signal?: AbortSignal,
    statusCodes: Call["statusCodes"] = ofModel,
  ): Call => ({
    method: "POST",
    path,
    body,
    signal,
    statusCodes,
  });
  const get = async <T>(path: string, signal?: AbortSignal) =>
    (await callJson(options, { method: "GET", path, signal })) as T;
  const generate = (request: OllamaGenerateRequest, signal?: AbortSignal) =>
    stream<OllamaGenerateResponse>(options, post("/api/generate", { stream: true, ...request }, signal), isDone);
  return {
    host: hostOf(options.baseUrl),
    version: async (signal) => (await get<{ version: string }>("/api/version", signal)).version,
    node: (signal) => get("/api/node", signal),
    tags: (signal) => get("/api/tags", signal),
    ps: (signal) => get("/api/ps", signal),
    show: async (model, signal) =>
      (await callJson(options, post("/api/show", { model }, signal))) as OllamaShowResponse,
    copy: async (source, destination, signal) => {
      await callText(options, post("/api/copy", { source, destination }, signal));
    },
    remove: async (model, signal) => {
      await callText(options, { ...post("/api/delete", { model }, signal), method: "DELETE" });
    },
    load: async (model, keepAlive, signal) => {
      const request = { model, ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }) };
      for await (const _record of generate(request, signal)); // its only record says that the model is loaded
    },
    stop: async (model, signal) => {
      for await (const _record of generate({ model, keep_alive: 0 }, signal));
    },
    pull: (model, signal) =>
      stream<OllamaPullProgress>(options, post("/api/pull", { model, stream: true }, signal, ofPull), isSuccess),
    planPull: async (model, signal) =>
      (await callJson(options, post("/api/pull", { model, dry_run: true }, signal, ofPull))) as OllamaPullPlan,
    chat: (request, signal) =>
      stream<OllamaChatResponse>(options, post("/api/chat", { stream: true, ...request }, signal), isDone),
    generate,
  };
};

const isDone = (record: { done: boolean }) => record.done === true;
const isSuccess = (record: OllamaPullProgress) => record.status === "success";

/** Resolves with a successful response whose body is still unread. */
const call = async (options: ClientOptions, request: Call): Promise<Response> => {
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
      wasReset(cause) ? connectionLost(baseUrl, cause) : cannotConnect(baseUrl, cause),
    );
  });
  if (response.ok) return response;
  const text = await readText(response, options, request.signal).catch(() => "");
  throw await errorOfResponse(response, text, { host: hostOf(baseUrl), path: request.path }, request.statusCodes);
};

const callText = async (options: ClientOptions, request: Call): Promise<string> =>
  await readText(await call(options, request), options, request.signal);

const callJson = async (options: ClientOptions, request: Call): Promise<unknown> => {
  const text = await callText(options, request);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const place = `${hostOf(options.baseUrl)} answered ${request.path}`;
    throw new AppError("corrupt", `${place} with something that is not JSON; is it an llmlb node?`, { cause });
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

/** Yields the records of a streamed answer, the final one too. A stream without its final record is a lost connection. */
async function* stream<T>(options: ClientOptions, request: Call, isFinal: (record: T) => boolean): AsyncGenerator<T> {
  const response = await call(options, request);
  const lost = (cause?: unknown) => connectionLost(options.baseUrl, cause);
  if (!response.body) throw lost();
  try {
    for await (const record of readNdjson<T>(response.body)) {
      yield record;
      if (isFinal(record)) return;
    }
  } catch (thrown) {
    throw toConnectionError(thrown, request.signal, lost);
  }
  throw lost();
}
