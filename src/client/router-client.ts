import type {
  AddNodeRequest,
  CreatedKey,
  CreatedToken,
  CreateKeyRequest,
  CreateTokenRequest,
  DrainRequest,
  RouterKeysResponse,
  RouterModelsResponse,
  RouterNode,
  RouterNodesResponse,
  RouterStatus,
  RouterTokensResponse,
} from "../api/router.ts";
import { AppError } from "../core/errors.ts";
import { type Call, type ClientOptions, callJson, callText } from "./call.ts";
import { hostOf } from "./connection.ts";

/** A router's own API. Every call throws an AppError, `connection` when it cannot be reached. */
export interface RouterClient {
  nodes(signal?: AbortSignal): Promise<RouterNodesResponse>;
  models(signal?: AbortSignal): Promise<RouterModelsResponse>;
  status(signal?: AbortSignal): Promise<RouterStatus>;
  add(node: AddNodeRequest): Promise<RouterNode>;
  /** By id or by address, as `drain`. Throws `not_found`. */
  remove(idOrUrl: string): Promise<void>;
  drain(idOrUrl: string, request: DrainRequest): Promise<RouterNode>;
  tokens(): Promise<RouterTokensResponse>;
  createToken(request: CreateTokenRequest): Promise<CreatedToken>;
  revokeToken(id: string): Promise<void>;
  keys(): Promise<RouterKeysResponse>;
  createKey(request: CreateKeyRequest): Promise<CreatedKey>;
  revokeKey(id: string): Promise<void>;
}

export const createRouterClient = (given: Omit<ClientOptions, "role">): RouterClient => {
  const options: ClientOptions = { ...given, role: "router" };
  const path = (tail: string) => `/api/router/${tail}`;
  const get = async <T>(tail: string, signal?: AbortSignal) =>
    (await asRouter(options, callJson(options, { method: "GET", path: path(tail), signal }))) as T;
  const post = async <T>(tail: string, body: unknown) =>
    (await asRouter(options, callJson(options, { method: "POST", path: path(tail), body }))) as T;
  const remove = async (tail: string) => {
    const request: Call = { method: "DELETE", path: path(tail) };
    await asRouter(options, callText(options, request));
  };
  const part = encodeURIComponent;
  return {
    nodes: (signal) => get("nodes", signal),
    models: (signal) => get("models", signal),
    status: (signal) => get("status", signal),
    add: (node) => post("nodes", node),
    remove: (idOrUrl) => remove(`nodes/${part(idOrUrl)}`),
    drain: (idOrUrl, request) => post(`nodes/${part(idOrUrl)}/drain`, request),
    tokens: () => get("tokens"),
    createToken: (request) => post("tokens", request),
    revokeToken: (id) => remove(`tokens/${part(id)}`),
    keys: () => get("keys"),
    createKey: (request) => post("keys", request),
    revokeKey: (id) => remove(`keys/${part(id)}`),
  };
};

/** A node, or Ollama, knows none of these paths. */
const asRouter = async <T>(options: ClientOptions, answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "not_found" || / not found$/.test(error.message)) throw error;
    const host = hostOf(options.baseUrl);
    throw new AppError("not_found", `${host} is not an llmlb router; LLMLB_ROUTER_HOST names one`, { cause: error });
  }
};
