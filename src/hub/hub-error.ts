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
  new AppError("hub_unavailable", `cannot reach ${settings.endpoint}: ${networkReason(cause)}`, { cause });

const networkReasons: Record<string, string> = {
  ConnectionRefused: "the connection was refused",
  ECONNREFUSED: "the connection was refused",
  ConnectionClosed: "the connection was closed",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "the host name is unknown",
  FailedToOpenSocket: "the host name is unknown or the network is down",
  ERR_PROXY_TUNNEL: "the proxy refused the connection",
  Timeout: "it did not answer in time",
};

/** Why a request failed, in a few words. */
export const networkReason = (cause: unknown): string => {
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (typeof code === "string" && networkReasons[code]) return networkReasons[code];
  return cause instanceof Error ? oneLine(cause.message) : String(cause);
};

const oneLine = (text: string) => text.replace(/\s+/g, " ").trim().slice(0, 300);
