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
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  send<T>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<T>;
  /** The answer as it comes. */
  stream(path: string, body: unknown, signal: AbortSignal): Promise<Response>;
  role(): Promise<Role>;
}

/** The router that this page is from, asked with `key`. */
export const createApi = (key: string | undefined): Api => {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { ...(key && { authorization: `Bearer ${key}` }), ...(init.body ? jsonHeaders : {}) };
    const response = await fetch(path, { ...init, headers, cache: "no-store" }).catch((error: Error) => {
      throw error.name === "AbortError" ? error : new ApiError(0, error.message);
    });
    if (!response.ok) throw new ApiError(response.status, errorText(await response.text(), response.statusText));
    return response;
  };
  const statusOf = (path: string) =>
    ask(path).then(
      () => 200,
      (error: unknown) => (error instanceof ApiError ? error.status : 0),
    );
  return {
    get: async <T>(path: string, signal?: AbortSignal) => (await ask(path, signal ? { signal } : {})).json() as T,
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
