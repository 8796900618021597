import type { Clock } from "../core/clock.ts";
import { serverWaitMs } from "./backoff.ts";
import { fetchOnce } from "./hub-fetch.ts";
import { type FileLocation, unquote } from "./resolve-file.ts";

export interface RangeRequest {
  location: FileLocation;
  start: number;
  end: number;
  sizeBytes: number;
  /** False after the server has shown that it ignores Range: then the whole file comes in one answer. */
  ranged: boolean;
  clock: Clock;
  signal: AbortSignal;
}

/** What was downloaded cannot be combined with what comes now: the file starts again. */
export interface Restart {
  kind: "restart";
  reason: string;
  /** False when the server ignores ranges. */
  ranged: boolean;
}

/** What became of one attempt at a part. */
export type Outcome =
  | { kind: "done" }
  /** Try this part again; without `waitMs` after the usual pause. */
  | { kind: "retry"; reason: string; waitMs?: number }
  /** The URL has to be renewed first. */
  | { kind: "expired"; reason: string }
  | Restart;

export type RangeAnswer = Exclude<Outcome, { kind: "done" }> | RangeBody;

export interface RangeBody {
  kind: "body";
  body: ReadableStream<Uint8Array>;
  etag?: string;
}

const redirectsMax = 3;

/** Asks for bytes of a file and checks that the answer is those bytes before a single one is used. */
export const requestRange = async (request: RangeRequest): Promise<RangeAnswer> => {
  const response = await fetchRange(request);
  const answer = typeof response === "string" ? refusedRedirect(response) : classify(response, request);
  if (answer.kind !== "body" && typeof response !== "string") await response.body?.cancel();
  return answer;
};

/** A CDN may move the file once more; the token goes only with the URL that it was given for. */
const fetchRange = async ({
  location,
  start,
  end,
  ranged,
  clock,
  signal,
}: RangeRequest): Promise<Response | string> => {
  const range: Record<string, string> = ranged ? { range: `bytes=${start}-${end - 1}` } : {};
  let url = location.url;
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const own = url === location.url ? location.headers : {};
    const response = await fetchOnce({ clock, signal }, url, { ...range, ...own });
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

const refusedRedirect = (how: string): RangeAnswer => ({ kind: "expired", reason: `redirected ${how}` });

const classify = (response: Response, request: RangeRequest): RangeAnswer => {
  const { status, headers } = response;
  const waitMs = serverWaitMs(headers, request.clock.now());
  if (status === 429 || status === 408 || status >= 500)
    return { kind: "retry", reason: `status ${status}`, ...(waitMs === undefined ? {} : { waitMs }) };
  if (status === 416) return { kind: "restart", reason: "the server has no such range", ranged: true };
  if (status >= 400) return { kind: "expired", reason: `status ${status}` };
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") return { kind: "retry", reason: `compressed with ${encoding}` };
  if (status === 206) return checkRange(response, request);
  if (status !== 200) return { kind: "retry", reason: `status ${status}` };
  if (!request.ranged || (request.start === 0 && request.end === request.sizeBytes)) return asBody(response);
  return { kind: "restart", reason: "the server ignores ranges", ranged: false };
};

const checkRange = (response: Response, { start, end, sizeBytes, ranged }: RangeRequest): RangeAnswer => {
  const text = response.headers.get("content-range") ?? "";
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text.trim()) ?? [];
  const right = ranged && Number(first) === start && Number(last) < end && Number(last) >= start;
  if (!right) return { kind: "retry", reason: `wrong Content-Range "${text.slice(0, 60)}"` };
  if (total !== "*" && Number(total) !== sizeBytes)
    return { kind: "restart", reason: `the file now has ${total} bytes instead of ${sizeBytes}`, ranged: true };
  return asBody(response);
};

const asBody = (response: Response): RangeAnswer => {
  if (!response.body) return { kind: "retry", reason: "an empty answer" };
  const etag = unquote(response.headers.get("etag"));
  return { kind: "body", body: response.body, ...(etag === undefined ? {} : { etag }) };
};
