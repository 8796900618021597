import type { AnthropicError } from "../api/anthropic.ts";
import type { OllamaError } from "../api/ollama.ts";
import type { OpenAiError } from "../api/openai.ts";
import { AppError, type ErrorCode } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { corsHeaders } from "./cors.ts";
import { pathOf } from "./path.ts";

/** The part of OpenAI's error that SDKs branch on. */
const openAiType = (status: number): string => {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 404) return "not_found_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
};

export const openAiError = (error: AppError): OpenAiError => ({
  error: { message: error.message, type: openAiType(error.status), param: null, code: error.code },
});

/** The event that ends a stream of OpenAI's responses. */
export const responsesFault = ({ code, message }: AppError) => ({ type: "error", code, message, param: null });

/** Anthropic's names; an overloaded server has one of its own. */
const anthropicType = (status: number): string => {
  if (status === 408) return "timeout_error";
  if (status === 413) return "request_too_large";
  if (status === 503) return "overloaded_error";
  const type = openAiType(status);
  return type === "server_error" ? "api_error" : type;
};

export const anthropicError = (error: AppError): AnthropicError => ({
  type: "error",
  error: { type: anthropicType(error.status), message: error.message },
});

export const ollamaError = (error: AppError): OllamaError => ({ error: error.message });

const errorOf = { ollama: ollamaError, openAi: openAiError, anthropic: anthropicError } as const;

export type Dialect = keyof typeof errorOf;

/** Whose API a path belongs to. */
export const dialectOf = (path: string): Dialect => {
  if (path.startsWith("/v1/messages")) return "anthropic";
  // llama-server has its rankings outside of /v1 too.
  return path.startsWith("/v1/") || path.startsWith("/rerank") ? "openAi" : "ollama";
};

const retryAfter = ({ retryAfterSeconds = 1 }: AppError) => ({ "retry-after": String(retryAfterSeconds) });

const headersOf: { [code in ErrorCode]?: (error: AppError) => Record<string, string> } = {
  busy: retryAfter,
  rate_limited: retryAfter,
  request_timeout: () => ({ connection: "close" }), // the rest of its body is nobody's
};

/** An error in the dialect of the request's path. */
export const errorResponse = (request: Request, error: AppError): Response => {
  const body = errorOf[dialectOf(pathOf(request))](error);
  const headers = headersOf[error.code]?.(error);
  // A page that may ask may also read why it was refused.
  const cors = error.status === 403 ? {} : corsHeaders(request);
  return Response.json(body, { status: error.status, headers: { ...headers, ...cors } });
};

/** What a handler threw, as an error that a client may see. What is nobody's error but ours is logged. */
export const toHttpError = (thrown: unknown, request: Request, log: Log): AppError => {
  if (thrown instanceof AppError && thrown.code !== "internal") return thrown;
  const said = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log.error(`${request.method} ${pathOf(request)}: ${said}`);
  if (thrown instanceof AppError) return thrown;
  return new AppError("internal", thrown instanceof Error ? thrown.message : "internal error", { cause: thrown });
};
