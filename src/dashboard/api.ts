import { parseJson } from "../core/json.ts";
import { errorText } from "./error-text.ts";
import { type Role, roleOf } from "./role.ts";

/** The router refused, or could not be reached (status 0). */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

export interface Api {
  /** The same object as last time while the router says that nothing changed. */
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  send<T>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<T>;
  /** The answer as it comes. */
  stream(path: string, body: unknown, signal: AbortSignal): Promise<Response>;
  role(): Promise<Role>;
}

type Ask = RequestInit & { headers?: Record<string, string> };

/** The router that this page is from, asked with `key`. */
export const createApi = (key: string | undefined): Api => {
  const ask = async (path: string, init: Ask = {}): Promise<Response> => {
    const headers = {
      ...init.headers,
      ...(key && { authorization: `Bearer ${key}` }),
      ...(init.body ? jsonHeaders : {}),
    };
    const response = await fetch(path, { ...init, headers, cache: "no-store" }).catch((error: Error) => {
      throw error.name === "AbortError" ? error : new ApiError(0, error.message);
    });
    if (!response.ok && response.status !== 304)
      throw new ApiError(response.status, errorText(await response.text(), response.statusText));
    return response;
  };
  // Here and not in the browser's cache: it is gone with the page, and need not be parsed again.
  const last = new Map<string, { etag: string; value: unknown }>();
  const statusOf = (path: string) =>
    ask(path).then(
      () => 200,
      (error: unknown) => (error instanceof ApiError ? error.status : 0),
    );
  return {
    async get<T>(path: string, signal?: AbortSignal) {
      const known = last.get(path);
      const headers = known && { "if-none-match": known.etag };
      const response = await ask(path, { ...(headers && { headers }), ...(signal && { signal }) });
      if (known && response.status === 304) return known.value as T;
      const value: unknown = await response.json();
      const etag = response.headers.get("etag");
      if (etag !== null) last.set(path, { etag, value });
      return value as T;
    },
    async send<T>(method: "POST" | "DELETE", path: string, body?: unknown) {
      const response = await ask(path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
      return parseJson(await response.text()) as T;
    },
    stream: (path, body, signal) => ask(path, { method: "POST", body: JSON.stringify(body), signal }),
    async role() {
      const [read, admin] = await Promise.all([statusOf("/api/router/status"), statusOf("/api/router/keys")]);
      if (read === 0) throw new ApiError(0, "");
      return roleOf({ read, admin });
    },
  };
};

const jsonHeaders = { "content-type": "application/json" };
