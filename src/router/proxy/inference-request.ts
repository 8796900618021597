import { checkShape } from "../../core/check-shape.ts";
import { AppError } from "../../core/errors.ts";
import { isRecord } from "../../core/json.ts";
import type { PromptSegment } from "../../core/prompt-prefix.ts";
import { promptSegments } from "../../dialect/prompt-segments.ts";
import { parseBody } from "../../http/read-json.ts";
import type { Endpoint } from "./endpoints.ts";

/** A request to a model, as far as the router has to understand it. */
export interface InferenceRequest {
  readonly endpoint: Endpoint;
  /** As it came; passed on so. */
  readonly bytes: Uint8Array;
  readonly json: Readonly<Record<string, unknown>>;
  /** As the client wrote it. */
  readonly model: string;
  readonly stream: boolean;
  /** The prompt in the order in which a template renders it. */
  readonly segments: readonly PromptSegment[];
  readonly session?: string;
}

const sessionMaxChars = 256; // a key of a map that is kept

/** Throws `invalid_argument` for what is no JSON object, or names no model. */
export const readInference = (endpoint: Endpoint, bytes: Uint8Array, headers: Headers): InferenceRequest => {
  const json = parseBody(bytes);
  if (!isRecord(json)) throw new AppError("invalid_argument", "invalid JSON in the request body");
  const { model, stream } = json;
  if (typeof model !== "string" || model === "") throw new AppError("invalid_argument", "model is required");
  const session = headers.get("x-llmlb-session") ?? json.prompt_cache_key;
  return {
    endpoint,
    bytes,
    json,
    model,
    stream: typeof stream === "boolean" ? stream : endpoint.streams,
    segments: checkShape(() => promptSegments(endpoint.path, json)),
    ...(typeof session === "string" && session !== "" && { session: session.slice(0, sessionMaxChars) }),
  };
};

/** Ollama's way to only load a model: no prompt. */
export const isEmpty = ({ endpoint, json }: InferenceRequest): boolean => {
  const field = { "/api/generate": "prompt", "/api/chat": "messages" }[endpoint.path];
  if (field === undefined) return false;
  const prompt = json[field];
  return !prompt || (Array.isArray(prompt) && prompt.length === 0);
};

/** And to unload it: no time to keep it either. */
export const unloads = (asked: InferenceRequest): boolean =>
  isEmpty(asked) && (asked.json.keep_alive === 0 || isNoTime(asked.json.keep_alive));

const isNoTime = (keepAlive: unknown): boolean => typeof keepAlive === "string" && /^0[a-z]*$/.test(keepAlive);

/** What Ollama answers to these. */
export const emptyAnswer = ({ endpoint, model }: InferenceRequest, done_reason: "load" | "unload", nowMs: number) => ({
  ...{ model, created_at: new Date(nowMs).toISOString(), done: true, done_reason },
  ...(endpoint.path === "/api/chat" ? { message: { role: "assistant", content: "" } } : { response: "" }),
});

const encoder = new TextEncoder();

/** The body for a node that calls the model `name`: as it came, unless that is another name. */
export const bodyFor = ({ bytes, json, model }: InferenceRequest, name: string): Uint8Array =>
  name === model ? bytes : encoder.encode(JSON.stringify({ ...json, model: name }));
