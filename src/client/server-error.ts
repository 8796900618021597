import { AppError, type ErrorCode, isErrorCode } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";

const messageMaxChars = 2000; // an error is one readable line, whatever a server puts into it

/** What a status means when the body names no code. Statuses that are absent fall back to their class. */
const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_argument",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  409: "conflict",
  413: "payload_too_large",
  429: "rate_limited",
  499: "cancelled",
  500: "internal",
  501: "unsupported",
  502: "connection",
  503: "busy",
  504: "connection",
  507: "disk_full",
};

/** `statusCodes` lets an endpoint say what it means by a status, such as 404 for a missing model. */
const codeOfStatus = (status: number, statusCodes: Readonly<Record<number, ErrorCode>> = {}): ErrorCode =>
  statusCodes[status] ?? codeByStatus[status] ?? (status < 500 ? "invalid_argument" : "internal");

/**
 * The error that a parsed body or stream record carries, if any: Ollama's `{"error":"…"}`, OpenAI's and Anthropic's `{"error":{"message":"…"}}`.
 * A `code` that is one of ours wins over `fallback`.
 */
export const findServerError = (record: unknown, fallback: ErrorCode): AppError | undefined => {
  if (typeof record !== "object" || record === null || !("error" in record) || !record.error) return undefined;
  const inner = typeof record.error === "object" ? record.error : record;
  const text = inner === record ? record.error : "message" in inner ? inner.message : undefined;
  const code = "code" in inner && isErrorCode(inner.code) ? inner.code : fallback;
  return new AppError(code, oneLine(typeof text === "string" ? text : JSON.stringify(record.error)));
};

/** The AppError for an answer that is not a success; never fails itself, whatever the body holds. */
export const errorOfResponse = async (
  response: Response,
  bodyText: string,
  place: { host: string; path: string },
  statusCodes?: Readonly<Record<number, ErrorCode>>,
): Promise<AppError> => {
  const code = codeOfStatus(response.status, statusCodes);
  const found = findServerError(parseJson(bodyText), code);
  if (found) return found;
  const status = `${response.status} ${response.statusText}`.trim();
  const hint = response.status === 404 || response.status === 405 ? "; is it an llmlb node?" : "";
  const known = response.status === 404 ? "not_found" : code;
  return new AppError(known, `${place.host} answered ${status} to ${place.path}${hint}`);
};

const oneLine = (text: string): string => {
  const line = text.replace(/\s*[\r\n]+\s*/g, " ").trim();
  return line.length > messageMaxChars ? `${line.slice(0, messageMaxChars)}...` : line;
};
