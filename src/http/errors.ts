import type { OllamaError } from "../api/ollama.ts";
import type { OpenAiError } from "../api/openai.ts";
import type { AppError } from "../core/errors.ts";

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

export const ollamaError = (error: AppError): OllamaError => ({ error: error.message });

/** An error in the dialect of the request's path. */
export const errorResponse = (request: Request, error: AppError): Response => {
  const body = new URL(request.url).pathname.startsWith("/v1/") ? openAiError(error) : ollamaError(error);
  // 499 is nginx's "client closed request"; nobody reads it, but a log should.
  const headers: Record<string, string> = error.code === "busy" ? { "retry-after": "1" } : {};
  return Response.json(body, { status: error.status, headers });
};
