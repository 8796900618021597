import { expect, test } from "bun:test";
import { createActivity, type FinishedRequest } from "../../src/router/activity.ts";
import { createAnswerTokens } from "../../src/router/proxy/answer-tokens.ts";
import type { StreamDialect } from "../../src/router/proxy/endpoints.ts";
import { createTimeBuckets } from "../../src/router/time-buckets.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const request = (over: Partial<FinishedRequest> = {}): FinishedRequest => ({
  route: "/api/chat",
  status: 200,
  queueMs: 0,
  durationMs: 1000,
  retries: 0,
  ...over,
});

const second = 1000;

test("requests are counted in the span in which they ended; old spans make room", () => {
  const buckets = createTimeBuckets(second, 3);
  buckets.request(10_000, { failed: false, firstByteMs: 40 });
  buckets.request(10_999, { failed: true });
  buckets.request(12_000, { failed: false, firstByteMs: 80 });
  const empty = { requests: 0, errors: 0, tokens: 0 };
  const first = { requests: 2, errors: 1, first_byte_p50_ms: 40, first_byte_p95_ms: 40, tokens: 0 };
  const third = { requests: 1, errors: 0, first_byte_p50_ms: 80, first_byte_p95_ms: 80, tokens: 0 };
  expect(buckets.view(12_500)).toEqual([first, empty, third]);
  expect(buckets.view(13_000)).toEqual([empty, third, empty]);
  expect(buckets.view(60_000)).toEqual([empty, empty, empty]);
  buckets.request(13_000, { failed: false });
  buckets.request(10_000, { failed: false }); // the clock was set back: no place for it any more
  expect(buckets.view(13_000).map(({ requests }) => requests)).toEqual([0, 1, 1]);
});

test("the tokens of a long answer are spread over the time in which they came", () => {
  const buckets = createTimeBuckets(second, 4);
  buckets.tokens(100, 10_500, 12_500);
  expect(buckets.view(12_500).map(({ tokens }) => tokens)).toEqual([0, 25, 50, 25]);
  buckets.tokens(7, 12_500, 12_500);
  expect(buckets.view(12_500).at(-1)?.tokens).toBe(32);
  buckets.tokens(1_000, 0, 20_000); // only its end is shown
  expect(buckets.view(20_000).map(({ tokens }) => tokens)).toEqual([50, 50, 50, 0]);
});

test("the median of many requests comes from a sample of them", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const buckets = createTimeBuckets(second, 1, random);
  for (let ms = 1; ms <= 10_000; ms++) buckets.request(500, { failed: false, firstByteMs: ms });
  const [view] = buckets.view(500);
  expect(view?.requests).toBe(10_000);
  expect(view?.first_byte_p50_ms).toBeWithin(3_500, 6_500);
  expect(view?.first_byte_p95_ms).toBeWithin(8_500, 10_001);
});

test("the last hundred requests, newest first, without what they say", async () => {
  const clock = manualClock();
  const activity = createActivity(clock);
  for (let index = 0; index < 150; index++) {
    await clock.advance(10);
    activity.record(request({ retries: index, fault: undefined, tokens: 3, firstByteMs: 12.4, model: "m", node: "n" }));
  }
  const { requests } = activity.view("minutes");
  expect(requests).toHaveLength(100);
  expect(requests[0]).toEqual({
    ended_at: new Date(clock.now()).toISOString(),
    ...{ route: "/api/chat", model: "m", node: "n", status: 200, queue_ms: 0, first_byte_ms: 12 },
    ...{ duration_ms: 1000, retries: 149, tokens: 3 },
  });
  expect(requests[99]?.retries).toBe(50);
});

test("five minutes in steps of five seconds, three hours in steps of a minute", async () => {
  const clock = manualClock(1_700_000_100_000);
  const activity = createActivity(clock);
  activity.record(request({ status: 404 }));
  activity.record(request({ status: 200, fault: "connection" }));
  activity.record(request({ status: 200, fault: "cancelled" }));
  await clock.advance(7_000);
  const minutes = activity.view("minutes");
  expect([minutes.bucket_seconds, minutes.buckets.length, minutes.last_bucket_at]).toEqual([
    5,
    60,
    new Date(1_700_000_105_000).toISOString(),
  ]);
  expect(minutes.buckets.at(-2)).toEqual({ requests: 3, errors: 2, tokens: 0 });
  const hours = activity.view("hours");
  expect([hours.bucket_seconds, hours.buckets.length, hours.buckets.at(-1)?.requests]).toEqual([60, 180, 3]);
});

const bytes = (text: string) => new TextEncoder().encode(text);
const counted = (dialect: StreamDialect | undefined, ...pieces: readonly string[]) => {
  const tokens = createAnswerTokens(dialect);
  for (const piece of pieces) tokens.add(bytes(piece));
  return tokens.count();
};

test.each([
  ["OpenAI's usage", undefined, 12, ['{"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}']],
  ["Ollama's last record", "ollama", 44, ['{"response":"a"}\n', '{"done":true,"eval_count":44}\n']],
  ["Anthropic's last delta", "anthropic", 30, ['{"usage":{"output_tokens":1}}', '{"usage":{"output_tokens": 30}}']],
  ["a number that is cut by pieces", undefined, 1234, ['{"completion_tok', 'ens":12', '34}"']],
  [
    "a stream without usage",
    "openAi",
    -2,
    ["data: role\n\ndata: a\n\n", "data: b b\n", "\ndata: end\n\ndata: [DONE]\n\n"],
  ],
  ["a text that speaks of it", undefined, undefined, ['{"text":"\\"completion_tokens\\":5"}']],
  ["an answer of another kind", undefined, undefined, ['{"data":[]}']],
] as const)("tokens of %s", (_, dialect, expected, pieces) => {
  // Below zero: at least so many.
  const known = expected !== undefined && { tokens: Math.abs(expected), atLeast: expected < 0 };
  expect(counted(dialect, ...pieces)).toEqual(known || undefined);
});

test.each([
  ["OpenAI's usage", '{"usage":{"prompt_tokens_details":{"cached_tokens":120},"completion_tokens":12}}', 120],
  ["the responses API's", '{"usage":{"input_tokens_details":{"cached_tokens":0},"output_tokens":5}}', 0],
  ["Anthropic's", '{"usage":{"input_tokens":5,"cache_read_input_tokens": 33,"output_tokens":1}}', 33],
  ["Ollama's", '{"done":true,"prompt_eval_count":44}', undefined],
])("cached tokens of %s", (_, text, expected) => {
  const tokens = createAnswerTokens(undefined);
  tokens.add(bytes(text));
  expect(tokens.cached()).toBe(expected as number);
});

test("of a long answer only the end is kept", () => {
  const tokens = createAnswerTokens("openAi");
  for (let index = 0; index < 100_000; index++) tokens.add(bytes(`data: {"n":${index}}\n\n`));
  tokens.add(bytes('data: {"usage":{"completion_tokens":77}}\n\ndata: [DONE]\n\n'));
  expect(tokens.count()).toEqual({ tokens: 77, atLeast: false });
});
