import { AppError } from "../core/errors.ts";
import type { HubContext } from "./hub-context.ts";

export interface HubAnswer {
  response: Response;
  /** Where the answer came from, after redirects. */
  url: string;
  /** Set when the answer is a redirect to another origin, which was not followed. */
  elsewhere?: string;
}

const redirectsMax = 5; // the Hub itself uses two: letter case, then the CDN
const headersTimeoutMs = 30_000;

/**
 * One request to the Hub. Follows redirects by hand inside the endpoint's origin, so that the token is never sent to another;
 * a redirect that leaves it is returned. Rejects on network errors and when no answer comes within 30 s.
 */
export const hubFetch = async (
  context: HubContext,
  url: string,
  headers: Record<string, string> = {},
): Promise<HubAnswer> => {
  let current = url;
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const response = await fetchOnce(context, current, { ...headers, ...authorization(context, current) });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return { response, url: current };
    await response.body?.cancel();
    const next = redirectTarget(context, current, location);
    if (next.origin !== new URL(current).origin) return { response, url: current, elsewhere: next.href };
    current = next.href;
  }
  throw new AppError("hub_unavailable", `${context.settings.endpoint} redirects in a circle`);
};

/** A GET whose redirects are left alone; the timeout covers the headers only, the body has its own watch. */
const fetchOnce = async (
  { clock, signal }: Pick<HubContext, "clock" | "signal">,
  url: string,
  headers: Record<string, string>,
): Promise<Response> => {
  const timeout = new AbortController();
  const late = Object.assign(new Error("it did not answer in time"), { code: "Timeout" });
  const cancel = clock.after(headersTimeoutMs, () => timeout.abort(late));
  try {
    return await fetch(url, {
      headers: { "accept-encoding": "identity", "user-agent": "llmlb", ...headers },
      redirect: "manual",
      decompress: false, // bytes are wanted as they were sent; an answer that is compressed all the same is refused
      signal: AbortSignal.any([signal, timeout.signal]),
    });
  } finally {
    cancel();
  }
};

const authorization = ({ settings }: HubContext, url: string): Record<string, string> => {
  const { login, token, endpoint } = settings;
  if (!(login || token) || new URL(url).origin !== new URL(endpoint).origin) return {};
  return { authorization: login ? `Basic ${Buffer.from(login).toString("base64")}` : `Bearer ${token}` };
};

/** Resolves a Location header; never from https down to http. */
const redirectTarget = ({ settings }: HubContext, from: string, location: string): URL => {
  if (!URL.canParse(location, from))
    throw new AppError("hub_unavailable", `${settings.endpoint} redirects to an invalid address`);
  const target = new URL(location, from);
  const allowed = target.protocol === "https:" || (target.protocol === "http:" && from.startsWith("http:"));
  if (!allowed)
    throw new AppError("hub_unavailable", `${settings.endpoint} redirects to ${target.protocol}, which is refused`);
  return target;
};

/** Headers that prove the account, for a URL that is the endpoint's own. */
export const endpointHeaders = authorization;

/** Mirrors often pass on the Hub's own links; those go to the mirror too. */
export const onEndpoint = (url: string, endpoint: string): string =>
  url.startsWith("https://huggingface.co/") ? endpoint + url.slice("https://huggingface.co".length) : url;

const movesMax = 3;

/**
 * `fetchOnce` for bytes outside the Hub: a CDN may move a file once more. `own` headers (a token) go only with the URL that they
 * were given for. A string says how a redirect went that is refused.
 */
export const fetchMoved = async (
  context: Pick<HubContext, "clock" | "signal">,
  first: string,
  own: Record<string, string>,
  headers: Record<string, string>,
): Promise<Response | string> => {
  let url = first;
  for (let moves = 0; moves <= movesMax; moves++) {
    const response = await fetchOnce(context, url, { ...headers, ...(url === first ? own : {}) });
    const target = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (target === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(target, url)) return "to an invalid address";
    const next = new URL(target, url);
    if (url.startsWith("https:") && next.protocol !== "https:") return `from https to ${next.protocol}`;
    url = next.href;
  }
  return "in a circle";
};
