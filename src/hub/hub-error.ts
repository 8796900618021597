import { AppError } from "../core/errors.ts";
import type { HubSettings } from "../core/hub-settings.ts";
import { hubHost } from "./hub-context.ts";

/** What a request was about, for the message of its failure. */
export interface HubSubject {
  /** `org/name`. */
  repository: string;
  revision?: string;
  file?: string;
}

/** An error response of a Hub, in the terms of huggingface_hub's `hf_raise_for_status`, as one line that says what to do. */
export const hubError = (response: Response, subject: HubSubject, settings: HubSettings): AppError => {
  const host = hubHost(settings);
  const { repository } = subject;
  const code = response.headers.get("x-error-code") ?? "";
  const reason = oneLine(response.headers.get("x-error-message") ?? "");
  const { status } = response;
  if (code === "GatedRepo") return gatedError(repository, settings, status === 403);
  if (/disabled/i.test(reason)) return new AppError("forbidden", `model "${repository}" is disabled on ${host}`);
  if (code === "RevisionNotFound")
    return new AppError(
      "not_found",
      `revision "${subject.revision ?? "main"}" of "${repository}" not found on ${host}`,
    );
  if (code === "EntryNotFound")
    return new AppError("not_found", `file "${subject.file ?? "?"}" not found in "${repository}" on ${host}`);
  if (/invalid credentials/i.test(reason)) return badToken(host);
  if (status === 401 || status === 404 || code === "RepoNotFound") return missing(repository, host, settings);
  if (status === 403)
    return new AppError("forbidden", `${host} refuses access to "${repository}"${reason ? `: ${reason}` : ""}`);
  if (status === 407)
    return new AppError("hub_unavailable", `the proxy ${settings.proxy ?? ""} wants a login: ${loginHint}`);
  if (status === 429)
    return new AppError(
      "rate_limited",
      `${host} limits the rate of requests; try again later${settings.token ? "" : ", or set HF_TOKEN for a higher limit"}`,
    );
  return new AppError(
    "hub_unavailable",
    `${settings.endpoint} answered ${status}${reason ? ` (${reason})` : ""} for "${repository}"; try again later`,
  );
};

export const gatedError = (repository: string, settings: HubSettings, refused: boolean): AppError => {
  const page = `${settings.endpoint}/${repository}`;
  return new AppError(
    "gated",
    refused && settings.token
      ? `model "${repository}" is gated and the account of HF_TOKEN has no access to it: ask for access at ${page}`
      : `model "${repository}" is gated: accept its license at ${page}, then set HF_TOKEN to a token of that account`,
  );
};

const badToken = (host: string) =>
  new AppError(
    "unauthorized",
    `${host} does not accept the token: check HF_TOKEN, or the file that "hf auth login" wrote`,
  );

// An anonymous request for a missing repository gets 401, as one for a private repository does.
const missing = (repository: string, host: string, settings: HubSettings) =>
  new AppError(
    "model_not_found",
    `model "${repository}" not found on ${host} (or it is private${settings.token ? " and HF_TOKEN has no access to it" : ": set HF_TOKEN"})`,
  );

export const unreachable = (settings: HubSettings, cause: unknown): AppError =>
  new AppError(
    "hub_unavailable",
    `cannot reach ${settings.endpoint}${settings.proxy ? ` through the proxy ${settings.proxy}` : ""}: ${networkReason(cause)}`,
    { cause },
  );

const loginHint = "put it into the proxy's address, as in http://user:password@host:port";
const caHint = "name the file of your network's CA certificates in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS";

const networkReasons: Record<string, string> = {
  ConnectionRefused: "the connection was refused",
  ECONNREFUSED: "the connection was refused",
  ConnectionClosed: "the connection was closed",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "the host name is unknown",
  FailedToOpenSocket: "the host name is unknown or the network is down",
  UnsupportedProxyProtocol: "this kind of proxy is not supported; use one that begins with http:// or https://",
  Timeout: "it did not answer in time",
};

/** Why a request failed, in a few words. */
export const networkReason = (cause: unknown): string => {
  const code = (cause as { code?: unknown } | undefined)?.code;
  const text = cause instanceof Error ? oneLine(cause.message) : String(cause);
  if (typeof code !== "string") return text;
  if (code === "ERR_PROXY_TUNNEL") return tunnelReason(text);
  if (isUntrusted(code)) return `${text.toLowerCase()}; ${caHint}`;
  return networkReasons[code] ?? text;
};

const isUntrusted = (code: string) => /CERT|ISSUER/.test(code);

/** What another attempt would not change: a certificate that is not trusted, a proxy of an unknown kind. */
export const isLasting = (cause: unknown): boolean => {
  const code = String((cause as { code?: unknown } | undefined)?.code);
  return isUntrusted(code) || code === "UnsupportedProxyProtocol";
};

/** The message ends with the proxy's status line: `...: 407 Proxy Authentication Required`. */
const tunnelReason = (text: string): string => {
  const status = /: (\d{3}.*)$/.exec(text)?.[1];
  if (status === undefined) return "the proxy refused the connection";
  return `the proxy refused the connection (${status})${status.startsWith("407") ? `; ${loginHint}` : ""}`;
};

const oneLine = (text: string) => text.replace(/\s+/g, " ").trim().slice(0, 300);
