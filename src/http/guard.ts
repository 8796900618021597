import { hostname as machineName } from "node:os";
import { AppError } from "../core/errors.ts";
import { pathOf } from "./path.ts";

/** Who may ask. */
export interface GuardOptions {
  /** Where the server listens; decides which Host headers are ours. */
  hostname: string;
  /** Origins of pages on other hosts that may ask; `*` = any. */
  origins?: readonly string[];
  /** Without it no request is served, but for `openPaths`. */
  apiKey?: string | undefined;
  /** Does what `apiKey` does: the one that the router of this node sends. */
  routerKey?: string | undefined;
  /** Why a request is refused, for servers that know more than one kind of asker. */
  authorize?: ((request: Request) => AppError | undefined) | undefined;
}

const isIpLiteral = (name: string) => /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || name.startsWith("[");

/** True for an address that only this machine can reach. */
export const isLoopback = (name: string): boolean =>
  name === "localhost" ||
  name.endsWith(".localhost") ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) ||
  name === "::1" ||
  name === "[::1]";

/** The host name of a Host header without its port, in lower case; undefined when the header is malformed. */
const hostName = (header: string): string | undefined =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header)?.[1]?.toLowerCase();

/** What a load balancer and a person ask before they have a key. */
const openPaths = new Set(["/", "/health", "/ready"]);

/**
 * Refuses what a hostile web page can send to a loopback server: a Host that is not ours (DNS rebinding, CVE-2024-28224) and an
 * Origin of another site; then who has no key. Runs before any side effect.
 */
export const refuseRequest = (
  request: Request,
  { hostname, origins = [], apiKey, routerKey, authorize }: GuardOptions,
): AppError | undefined => {
  const host = hostName(request.headers.get("host") ?? ""); // two Host headers arrive joined by a comma, which does not match
  if (host === undefined) return new AppError("invalid_argument", "missing or malformed Host header");
  if (isLoopback(hostname) && !isOurs(host)) return new AppError("forbidden", `host "${host}" is not allowed`);
  const origin = request.headers.get("origin");
  if (origin !== null && !isAllowedOrigin(origin, host, origins))
    return new AppError("forbidden", `origin "${origin}" is not allowed; LLMLB_ORIGINS allows more`);
  if (request.method === "OPTIONS" || openPaths.has(pathOf(request))) return undefined;
  const keys = [apiKey, routerKey].filter((key) => key !== undefined);
  if (keys.length === 0) return authorize?.(request);
  return keys.some((key) => hasKey(request.headers, key))
    ? undefined
    : new AppError("unauthorized", "missing or wrong API key; clients of llmlb send LLMLB_API_KEY");
};

const isOurs = (host: string) => isLoopback(host) || isIpLiteral(host) || host === machineName().toLowerCase();

const isAllowedOrigin = (origin: string, host: string, origins: readonly string[]): boolean => {
  if (origins.includes("*") || origins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false; // "null": a sandboxed frame or a file
  const name = new URL(origin).hostname.toLowerCase();
  return isLoopback(name) || name === host;
};

/** The keys of a request, as OpenAI's and Ollama's clients send them, or Anthropic's. */
export const givenKeys = (headers: Headers): string[] => {
  const [, bearer] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  return [bearer, headers.get("x-api-key")].flatMap((given) => given || []);
};

const hasKey = (headers: Headers, apiKey: string): boolean => givenKeys(headers).some((given) => isSame(given, apiKey));

/** In constant time: hashes are of one length, and tell nothing about where two keys differ. */
export const isSame = (a: string, b: string): boolean => crypto.timingSafeEqual(digest(a), digest(b));

const digest = (text: string): Uint8Array => new Bun.CryptoHasher("sha256").update(text).digest();
