import type { RecentRequest, RouterActivity } from "../api/router.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestRecord } from "./proxy/request-record.ts";
import { createTimeBuckets } from "./time-buckets.ts";

/** What the dashboard shows of a request. */
export type FinishedRequest = Omit<RequestRecord, "way">;

export const activitySpans = ["minutes", "hours"] as const;
export type ActivitySpan = (typeof activitySpans)[number];

/** What was asked of late, for the dashboard: the proxy tells of every request that has ended. */
export interface Activity {
  record(request: FinishedRequest): void;
  view(span: ActivitySpan): RouterActivity;
}

const bucketsOf = {
  minutes: { bucketMs: 5_000, count: 60 },
  hours: { bucketMs: 60_000, count: 180 },
} as const;

const recentMax = 100; // what a person looks through; more is in the log

export const createActivity = (clock: Clock): Activity => {
  const series = {
    minutes: createTimeBuckets(bucketsOf.minutes.bucketMs, bucketsOf.minutes.count),
    hours: createTimeBuckets(bucketsOf.hours.bucketMs, bucketsOf.hours.count),
  };
  const all = Object.values(series);
  const recent: { readonly request: FinishedRequest; readonly endedMs: number }[] = []; // oldest first
  return {
    record(request) {
      const nowMs = clock.now();
      const { firstByteMs, durationMs, tokens, fault } = request;
      const failed = fault === undefined ? request.status >= 400 : fault !== "cancelled"; // that is the client's doing
      for (const buckets of all) {
        buckets.request(nowMs, { failed, firstByteMs });
        if (tokens) buckets.tokens(tokens, nowMs - Math.max(0, durationMs - (firstByteMs ?? durationMs)), nowMs);
      }
      recent.push({ request, endedMs: nowMs });
      if (recent.length > recentMax) recent.shift();
    },
    view(span) {
      const { bucketMs } = bucketsOf[span];
      const nowMs = clock.now();
      return {
        bucket_seconds: bucketMs / 1000,
        last_bucket_at: new Date(Math.floor(nowMs / bucketMs) * bucketMs).toISOString(),
        buckets: series[span].view(nowMs),
        requests: recent.toReversed().map(({ request, endedMs }) => toRecent(request, endedMs)),
      };
    },
  };
};

const toRecent = (request: FinishedRequest, nowMs: number): RecentRequest => {
  const { route, model, node, reason, status, fault, queueMs, firstByteMs, durationMs, retries, tokens } = request;
  return {
    ended_at: new Date(nowMs).toISOString(),
    route,
    ...(model !== undefined && { model }),
    ...(node !== undefined && { node }),
    ...(reason !== undefined && { reason }),
    status,
    ...(fault !== undefined && { fault }),
    queue_ms: Math.round(queueMs),
    ...(firstByteMs !== undefined && { first_byte_ms: Math.round(firstByteMs) }),
    duration_ms: Math.round(durationMs),
    retries,
    ...(tokens !== undefined && { tokens }),
    ...(request.tokensAtLeast && { tokens_at_least: true }),
  };
};
