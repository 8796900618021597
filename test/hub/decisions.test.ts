import { expect, test } from "bun:test";
import { backoffMs, serverWaitMs } from "../../src/hub/backoff.ts";
import { planParts } from "../../src/hub/plan-parts.ts";
import { nextStreamCount, streamsToDrop } from "../../src/hub/stream-watch.ts";

const mib = 1024 * 1024;

test("backoff doubles from half a second to half a minute, with jitter downwards only", () => {
  expect([1, 2, 3, 7, 50].map((failures) => backoffMs(failures, 1))).toEqual([500, 1000, 2000, 30_000, 30_000]);
  expect(backoffMs(1, 0)).toBe(250);
});

test("the server's wait is read from RateLimit, Retry-After seconds and dates, and bounded", () => {
  const wait = (headers: Record<string, string>) => serverWaitMs(new Headers(headers), Date.UTC(2026, 0, 1));
  expect(wait({ ratelimit: '"resolvers";r=0;t=55' })).toBe(55_000);
  expect(wait({ "retry-after": "12" })).toBe(12_000);
  expect(wait({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" })).toBe(30_000);
  expect(wait({ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" })).toBe(0);
  expect(wait({ "retry-after": "999999" })).toBe(600_000);
  expect(wait({})).toBeUndefined();
  expect(wait({ "retry-after": "soon" })).toBeUndefined();
});

test("parts cover exactly what is missing, small files in few and large files in bounded parts", () => {
  expect(planParts([], 3 * mib)).toHaveLength(1);
  expect(planParts([], 2048 * mib)[0]?.end).toBe(8 * mib);
  expect(planParts([], 100_000 * mib)[0]?.end).toBe(32 * mib);
  const parts = planParts(
    [
      [0, 5 * mib],
      [9 * mib, 10 * mib],
    ],
    20 * mib,
  );
  expect(parts.map(({ start, end }) => [start / mib, end / mib])).toEqual([
    [5, 9],
    [10, 14],
    [14, 18],
    [18, 20],
  ]);
});

const stream = (bytes: number, startedMs: number, lastByteMs: number, drops = 0) => ({
  bytes,
  startedMs,
  lastByteMs,
  drops,
});

test("a stream that is silent for 15 s is dropped, even the only one", () => {
  const silent = stream(mib, 0, 1_000);
  expect(streamsToDrop([silent], 15_999)).toEqual([]);
  expect(streamsToDrop([silent], 16_000).map((drop) => drop.stream)).toEqual([silent]);
});

test("a stream far below the median is dropped after 5 s, at most three times; a slow network drops none", () => {
  const fast = [stream(50 * mib, 0, 6_000), stream(60 * mib, 0, 6_000), stream(55 * mib, 0, 6_000)];
  const slow = stream(mib, 0, 6_000);
  expect(streamsToDrop([...fast, slow], 6_000).map((drop) => drop.stream)).toEqual([slow]);
  expect(streamsToDrop([...fast, stream(mib / 2, 2_000, 6_000)], 6_000)).toEqual([]);
  expect(streamsToDrop([...fast, { ...slow, drops: 3 }], 6_000)).toEqual([]);
  expect(streamsToDrop([slow, slow, slow, slow], 6_000)).toEqual([]);
});

test("streams grow while they bring more, up to 16", () => {
  expect(nextStreamCount(4, 100, 0)).toBe(8);
  expect(nextStreamCount(8, 105, 100)).toBe(8);
  expect(nextStreamCount(8, 150, 100)).toBe(12);
  expect(nextStreamCount(16, 900, 100)).toBe(16);
});
