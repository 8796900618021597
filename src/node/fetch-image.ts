import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { AppError } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { hideLogin } from "../core/hide-login.ts";
import { isPublicAddress } from "./public-address.ts";

export interface FetchImageOptions {
  maxBytes: number;
  signal: AbortSignal;
}

/** Fetches a picture from the web. Throws `invalid_argument` for one that cannot be had, or must not be. */
export type FetchImage = (url: string, options: FetchImageOptions) => Promise<Uint8Array>;

export interface WebAccess {
  /** Addresses of a host name. */
  resolve(hostname: string): Promise<string[]>;
  fetch(url: string, init: BunFetchRequestInit): Promise<Response>;
}

const realWeb: WebAccess = {
  resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
  fetch: (url, init) => fetch(url, init),
};

const timeoutMs = 20_000; // for the whole picture; who asks waits for it
const redirectsMax = 3; // image hosts use one or two

/** `web`: how names are resolved and addresses asked; each address is checked before it is asked, also after a redirect. */
export const createFetchImage =
  (web: WebAccess = realWeb): FetchImage =>
  async (url, { maxBytes, signal }) => {
    const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await readBody(await follow(web, url, ended), url, maxBytes);
    } catch (error) {
      if (signal.aborted || error instanceof AppError) throw error;
      throw failed(url, ended.aborted ? `it took longer than ${timeoutMs / 1000} s` : "it cannot be reached");
    }
  };

const failed = (url: string, reason: string) =>
  new AppError("invalid_argument", `cannot fetch image "${hideLogin(url).slice(0, 200)}": ${reason}`);

const follow = async (web: WebAccess, url: string, signal: AbortSignal): Promise<Response> => {
  let next = url;
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const response = await ask(web, next, signal, (reason) => failed(url, reason));
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null && response.ok) return response;
    await response.body?.cancel();
    if (location === null) throw failed(url, `the server answered ${response.status}`);
    if (!URL.canParse(location, next)) throw failed(url, "it leads to no valid address");
    next = new URL(location, next).href;
  }
  throw failed(url, `it leads on more than ${redirectsMax} times`);
};

/** Asks the very address that was checked: a name could resolve to another one the next time (DNS rebinding). */
const ask = async (
  web: WebAccess,
  url: string,
  signal: AbortSignal,
  refusal: (reason: string) => AppError,
): Promise<Response> => {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (!target || !["http:", "https:"].includes(target.protocol)) throw refusal("it is no http(s) address");
  if (target.username || target.password) throw refusal("it has a login in it");
  const { host, hostname, protocol } = target;
  const name = hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(name) ? [name] : await web.resolve(name);
  const [address] = addresses;
  if (address === undefined) throw refusal("its host has no address");
  // One that is not public is enough: who mixes them has something in mind.
  if (!addresses.every(isPublicAddress)) throw refusal("it leads to a private address");
  target.hostname = isIP(address) === 6 ? `[${address}]` : address;
  return await web.fetch(target.href, {
    headers: { host, accept: "image/*" },
    redirect: "manual",
    keepalive: false, // a connection that was made for one name is not used for another at the same address
    signal,
    ...(protocol === "https:" && !isIP(name) ? { tls: { serverName: name } } : {}),
  });
};

const readBody = async (response: Response, url: string, maxBytes: number): Promise<Uint8Array> => {
  const tooLarge = failed(url, `it is larger than ${formatBytes(maxBytes)}`);
  const chunks: Uint8Array[] = [];
  let bytes = Number(response.headers.get("content-length") ?? 0);
  if (bytes <= maxBytes) {
    bytes = 0;
    // Leaving the loop by an error cancels what is still to come.
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
  await response.body?.cancel();
  throw tooLarge;
};
