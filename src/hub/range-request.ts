import type { Clock } from "../core/clock.ts";
import { serverWaitMs } from "./backoff.ts";
import { fetchMoved } from "./hub-fetch.ts";
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

/** Asks for bytes of a file and checks that the answer is those bytes before a single one is used. */
export const requestRange = async (request: RangeRequest): Promise<RangeAnswer> => {
  const { location, start, end, ranged } = request;
  const range: Record<string, string> = ranged ? { range: `bytes=${start}-${end - 1}` } : {};
  const response = await fetchMoved(request, location.url, location.headers, range);
  const answer = typeof response === "string" ? refusedRedirect(response) : classify(response, request);
  if (answer.kind !== "body" && typeof response !== "string") await response.body?.cancel();
  return answer;
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
