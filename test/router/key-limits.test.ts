import { expect, test } from "bun:test";
import type { Caller } from "../../src/router/access.ts";
import { createKeyLimits } from "../../src/router/key-limits.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const caller = (id: string, limits: Partial<Caller>): Caller => ({ id, name: id, scopes: ["infer"], ...limits });

test("requests per minute come back evenly, and never more than those of a minute", async () => {
  const clock = manualClock();
  const limits = createKeyLimits(clock);
  const slow = caller("slow", { requestsPerMinute: 2 });
  limits.enter(slow)();
  limits.enter(slow)();
  expect(() => limits.enter(slow)).toThrow(
    expect.objectContaining({
      message: 'API key "slow" has used its 2 requests per minute',
      retryAfterSeconds: 30,
    }),
  );
  limits.enter(caller("other", { requestsPerMinute: 1 }))();
  await clock.advance(29_999);
  expect(() => limits.enter(slow)).toThrow();
  await clock.advance(1);
  limits.enter(slow)();
  await clock.advance(3_600_000);
  limits.enter(slow)();
  limits.enter(slow)();
  expect(() => limits.enter(slow)).toThrow();
});

test("as many run at once as the key may; a refused request costs nothing", () => {
  const limits = createKeyLimits(manualClock());
  const narrow = caller("narrow", { concurrency: 2, requestsPerMinute: 3 });
  const leave = limits.enter(narrow);
  limits.enter(narrow);
  for (let i = 0; i < 5; i++) expect(() => limits.enter(narrow)).toThrow("has 2 requests running");
  leave();
  limits.enter(narrow);
  const free = caller("free", {});
  for (let i = 0; i < 100; i++) limits.enter(free);
});
