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
import { type Call, type ClientOptions, call, callJson, callText } from "./call.ts";
import { connectionLost, hostOf, toConnectionError } from "./connection.ts";
import { readNdjson } from "./ndjson.ts";

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
  /** `all`: a router pulls to every node; without it, as a node does, to one. */
  pull(model: string, signal?: AbortSignal, options?: { all?: boolean }): AsyncGenerator<OllamaPullProgress>;
  /** What `pull` would do. */
  planPull(model: string, signal?: AbortSignal): Promise<OllamaPullPlan>;
  chat(request: OllamaChatRequest, signal?: AbortSignal): AsyncGenerator<OllamaChatResponse>;
  generate(request: OllamaGenerateRequest, signal?: AbortSignal): AsyncGenerator<OllamaGenerateResponse>;
}

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
    pull: (model, signal, { all = false } = {}) => {
      const body = { model, stream: true, ...(all && { all }) };
      return stream<OllamaPullProgress>(options, post("/api/pull", body, signal, ofPull), isSuccess);
    },
    planPull: async (model, signal) =>
      (await callJson(options, post("/api/pull", { model, dry_run: true }, signal, ofPull))) as OllamaPullPlan,
    chat: (request, signal) =>
      stream<OllamaChatResponse>(options, post("/api/chat", { stream: true, ...request }, signal), isDone),
    generate,
  };
};

const isDone = (record: { done: boolean }) => record.done === true;
const isSuccess = (record: OllamaPullProgress) => record.status === "success";

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
