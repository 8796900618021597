/** One running request, as the watch sees it. */
export interface StreamState {
  startedMs: number;
  lastByteMs: number;
  /** Received in this request. */
  bytes: number;
  /** Times that this part was dropped for being slow. */
  drops: number;
}

const stallMs = 15_000;
const slowAfterMs = 5_000;
const slowShare = 0.1; // of the median speed
const slowDropsMax = 3; // then the part is slow wherever it comes from

/**
 * Which streams to drop and fetch again, and why; pure. A stream is dropped when it is silent, or when it is far slower than most:
 * one bad connection must not hold the whole file up. A network that is slow for everybody drops nothing.
 */
export const streamsToDrop = <T extends StreamState>(
  streams: readonly T[],
  nowMs: number,
): { stream: T; reason: string }[] => {
  const rates = streams.map((stream) => rate(stream, nowMs)).sort((a, b) => a - b);
  const median = rates[Math.floor(rates.length / 2)] ?? 0;
  return streams.flatMap((stream) => {
    if (nowMs - stream.lastByteMs >= stallMs) return [{ stream, reason: `no bytes for ${stallMs / 1000} s` }];
    const old = nowMs - stream.startedMs >= slowAfterMs;
    const slow = streams.length > 2 && rate(stream, nowMs) < median * slowShare;
    return old && slow && stream.drops < slowDropsMax ? [{ stream, reason: "far slower than the others" }] : [];
  });
};

const rate = ({ startedMs, bytes }: StreamState, nowMs: number) => bytes / Math.max(1, nowMs - startedMs);

export const streamsAtFirst = 4;
const streamsMax = 16;

/** How many streams to use after a second that brought `bytesPerSecond`; grows as long as more streams bring more. Pure. */
export const nextStreamCount = (streams: number, bytesPerSecond: number, bestBytesPerSecond: number): number =>
  bytesPerSecond > bestBytesPerSecond * 1.1 ? Math.min(streamsMax, streams + 4) : streams;
