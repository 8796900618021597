import { AppError } from "../core/errors.ts";
import type { HubContext } from "./hub-context.ts";
import { endpointHeaders, onEndpoint } from "./hub-fetch.ts";
import { hubRequest } from "./hub-request.ts";
import type { Repository } from "./repository.ts";
import type { RepositoryFile } from "./repository-file.ts";

/** Where a file's bytes are, for a while: the URL is usually signed and expires. */
export interface FileLocation {
  url: string;
  /** The token, if the URL is the endpoint's own; never for another origin. */
  headers: Record<string, string>;
  /** What the Hub says about the content: for large files the sha256. */
  etag?: string;
  sizeBytes?: number;
  /** How to read the file from Xet, where it is kept there and that is not switched off. */
  xet?: XetLocation;
}

/** Where @huggingface/hub's Xet reader finds a file. */
export interface XetLocation {
  hash: string;
  /** Gives access to Xet's store. */
  authUrl: string;
  /** The token, if that URL is the endpoint's own. */
  authHeaders: Record<string, string>;
  reconstructionUrl?: string;
}

/**
 * Asks the Hub where a file is, with one request that all ranges of the file then share: the Hub counts these requests, the CDN
 * does not count ranges. Throws `gated`, `not_found` and the like.
 */
export const resolveFile = async (
  context: HubContext,
  { org, name, commit }: Repository,
  file: RepositoryFile,
): Promise<FileLocation> => {
  const repository = `${org}/${name}`;
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  const asked = `${context.settings.endpoint}/${repository}/resolve/${encodeURIComponent(commit)}/${path}`;
  const subject = { repository, revision: commit, file: file.path };
  const { response, url, elsewhere } = await hubRequest(context, asked, subject, { range: "bytes=0-0" });
  await response.body?.cancel();
  const etag = unquote(response.headers.get("x-linked-etag") ?? response.headers.get("etag"));
  const sizeBytes = sizeOf(response, elsewhere === undefined);
  const xet = xetOf(context, response.headers);
  return {
    url: elsewhere ?? url,
    headers: elsewhere === undefined ? endpointHeaders(context, url) : {},
    ...(etag === undefined ? {} : { etag }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(xet === undefined ? {} : { xet }),
  };
};

const xetOf = (context: HubContext, headers: Headers): XetLocation | undefined => {
  const { endpoint, xetDisabled } = context.settings;
  const hash = headers.get("x-xet-hash") ?? "";
  const links = headers.get("link") ?? "";
  const authUrl = linkTo(links, "xet-auth");
  if (xetDisabled || !/^[0-9a-f]{64}$/.test(hash) || authUrl === undefined) return undefined;
  const url = onEndpoint(authUrl, endpoint);
  const reconstructionUrl = linkTo(links, "xet-reconstruction-info");
  return {
    hash,
    authUrl: url,
    authHeaders: endpointHeaders(context, url),
    ...(reconstructionUrl === undefined ? {} : { reconstructionUrl }),
  };
};

/** URL of a Link header's entry, e.g. `<https://...>; rel="xet-auth"`. */
const linkTo = (header: string, rel: string): string | undefined =>
  [...header.matchAll(/<(https?:\/\/[^>]+)>\s*;\s*rel="?([^",;]+)"?/g)].find(
    ([, url = "", name]) => name === rel && URL.canParse(url),
  )?.[1];

/** An ETag without quotes and the weak mark, for comparison. */
export const unquote = (etag: string | null): string | undefined =>
  etag === null || etag === "" ? undefined : etag.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");

const sizeOf = ({ headers, status }: Response, direct: boolean): number | undefined => {
  const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  const whole = direct && status === 200 ? headers.get("content-length") : null;
  const text = headers.get("x-linked-size") ?? total ?? whole;
  return text !== null && text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
};

/** The location of one file for all its parts; renewed at most once for each URL that was refused, whoever asks. */
export interface FileLocator {
  current(): FileLocation;
  /** A fresh location instead of `refused`. Throws, with `reason`, when fresh ones are refused again without a byte in between. */
  renew(refused: FileLocation, reason: string): Promise<FileLocation>;
  /** Bytes arrived: the next refusal is an expiry again and not a verdict. */
  worked(): void;
  /** Whether it came to that: plain downloads do not work now. */
  isRefused(): boolean;
}

const renewalsMax = 2; // the first may hit a signature that the CDN does not know yet

export const fileLocator = (first: FileLocation, resolve: () => Promise<FileLocation>): FileLocator => {
  let location = first;
  let pending: Promise<FileLocation> | undefined;
  let renewals = 0;
  let isRefused = false;
  const renewNow = async (reason: string) => {
    isRefused = renewals >= renewalsMax;
    if (isRefused)
      throw new AppError(
        "forbidden",
        `${new URL(location.url).host} refuses the download even with a fresh address (${reason}); pull again later to go on`,
      );
    renewals++;
    location = await resolve();
    return location;
  };
  return {
    current: () => location,
    isRefused: () => isRefused,
    worked: () => {
      renewals = 0;
    },
    renew(refused, reason) {
      if (refused !== location) return Promise.resolve(location); // another part was faster
      pending ??= renewNow(reason).finally(() => {
        pending = undefined;
      });
      return pending;
    },
  };
};
