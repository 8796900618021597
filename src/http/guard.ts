import { hostname as machineName } from "node:os";
import { AppError } from "../core/errors.ts";

const isIpLiteral = (name: string) => /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || name.startsWith("[");

/** True for an address that only this machine can reach. */
const isLoopback = (name: string): boolean =>
  name === "localhost" ||
  name.endsWith(".localhost") ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) ||
  name === "::1" ||
  name === "[::1]";

/** The host name of a Host header without its port, in lower case; undefined when the header is malformed. */
const hostName = (header: string): string | undefined =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header)?.[1]?.toLowerCase();

/**
 * Refuses what a hostile web page can send to a loopback server: a Host that is not ours (DNS rebinding, CVE-2024-28224) and an
 * Origin of another site. Runs before any side effect.
 */
export const refuseRequest = (request: Request, boundTo: string): AppError | undefined => {
  const host = hostName(request.headers.get("host") ?? ""); // two Host headers arrive joined by a comma, which does not match
  if (host === undefined) return new AppError("invalid_argument", "missing or malformed Host header");
  if (isLoopback(boundTo) && !isOurs(host)) return new AppError("forbidden", `host "${host}" is not allowed`);
  const origin = request.headers.get("origin");
  if (origin !== null && !isAllowedOrigin(origin, host))
    return new AppError("forbidden", `origin "${origin}" is not allowed`);
  return undefined;
};

const isOurs = (host: string) => isLoopback(host) || isIpLiteral(host) || host === machineName().toLowerCase();

const isAllowedOrigin = (origin: string, host: string): boolean => {
  if (!URL.canParse(origin)) return false; // "null": a sandboxed frame or a file
  const name = new URL(origin).hostname.toLowerCase();
  return isLoopback(name) || name === host;
};
