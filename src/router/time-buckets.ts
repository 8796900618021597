import type { ActivityBucket } from "../api/router.ts";

/** The last `count` spans of `bucketMs`, as a ring: a span that has no request costs nothing, an old one is overwritten. */
export interface TimeBuckets {
  /** A request that ended now. */
  request(nowMs: number, request: { failed: boolean; firstByteMs?: number | undefined }): void;
  /** Tokens that came from `fromMs` to `toMs`, evenly. */
  tokens(count: number, fromMs: number, toMs: number): void;
  /** Oldest first; the last is the one that holds `nowMs`. */
  view(nowMs: number): ActivityBucket[];
}

interface Bucket {
  /** Which span since the epoch it holds. */
  span: number;
  requests: number;
  errors: number;
  tokens: number;
  /** Times to the first byte: some of them, when there are many. */
  sample: number[];
  sampled: number;
}

const sampleMax = 256; // enough for a 95th percentile within 2 %; a busy router has thousands in a span

export const createTimeBuckets = (bucketMs: number, count: number, random: () => number = Math.random): TimeBuckets => {
  const ring: (Bucket | undefined)[] = Array.from({ length: count });
  const spanAt = (ms: number) => Math.floor(ms / bucketMs);
  /** Undefined for what is too old to be shown. */
  const bucketOf = (span: number): Bucket | undefined => {
    const found = ring[span % count];
    if (found?.span === span) return found;
    if (found && found.span > span) return undefined;
    const fresh: Bucket = { span, requests: 0, errors: 0, tokens: 0, sample: [], sampled: 0 };
    ring[span % count] = fresh;
    return fresh;
  };
  return {
    request(nowMs, { failed, firstByteMs }) {
      const bucket = bucketOf(spanAt(nowMs));
      if (!bucket) return; // the clock was set back
      bucket.requests++;
      if (failed) bucket.errors++;
      if (firstByteMs !== undefined) keep(bucket, firstByteMs, random);
    },
    tokens(tokens, fromMs, toMs) {
      const last = spanAt(toMs);
      const first = Math.max(spanAt(fromMs), last - count + 1);
      for (let span = first; span <= last; span++) {
        const shareMs = Math.min(toMs, (span + 1) * bucketMs) - Math.max(fromMs, span * bucketMs);
        const bucket = bucketOf(span);
        if (bucket) bucket.tokens += toMs > fromMs ? (tokens * shareMs) / (toMs - fromMs) : tokens;
      }
    },
    view(nowMs) {
      const last = spanAt(nowMs);
      return Array.from({ length: count }, (_, index) => {
        const span = last - count + 1 + index;
        const bucket = ring[((span % count) + count) % count];
        return bucket?.span === span ? toView(bucket) : { requests: 0, errors: 0, tokens: 0 };
      });
    },
  };
};

/** Every time has the same chance to be in the sample (reservoir sampling). */
const keep = (bucket: Bucket, ms: number, random: () => number): void => {
  const index = bucket.sampled < sampleMax ? bucket.sampled : Math.floor(random() * (bucket.sampled + 1));
  bucket.sampled++;
  if (index < sampleMax) bucket.sample[index] = ms;
};

const toView = ({ requests, errors, tokens, sample }: Bucket): ActivityBucket => {
  const sorted = sample.toSorted((a, b) => a - b);
  const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
  return {
    requests,
    errors,
    ...(p50 !== undefined && { first_byte_p50_ms: p50 }),
    ...(p95 !== undefined && { first_byte_p95_ms: p95 }),
    tokens: Math.round(tokens * 10) / 10,
  };
};

const quantile = (sorted: readonly number[], share: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
