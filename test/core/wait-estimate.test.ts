import { expect, test } from "bun:test";
import { createWaitEstimate } from "../../src/core/wait-estimate.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const moving = async (everyMs: number, times = 40) => {
  const clock = manualClock();
  const estimate = createWaitEstimate(clock);
  estimate.begins();
  for (let turn = 0; turn < times; turn++) {
    await clock.advance(everyMs);
    estimate.served();
  }
  return { clock, estimate };
};

test("a queue takes as long as it took of late, from 1 to 60 seconds", async () => {
  const { estimate } = await moving(250);
  expect([0, 1, 4, 20, 100, 10_000].map(estimate.seconds)).toEqual([1, 1, 1, 5, 25, 60]);
});

test("what it took once is forgotten", async () => {
  const { clock, estimate } = await moving(4_000);
  expect(estimate.seconds(10)).toBe(40);
  for (let turn = 0; turn < 60; turn++) {
    await clock.advance(100);
    estimate.served();
  }
  expect(estimate.seconds(10)).toBeLessThanOrEqual(2);
});

test("a queue that stands still gets longer, also one that never moved; the time without a queue does not count", async () => {
  const { clock, estimate } = await moving(100);
  await clock.advance(6_000);
  expect(estimate.seconds(10)).toBe(20);
  estimate.begins();
  expect(estimate.seconds(10)).toBe(1);
  const fresh = createWaitEstimate(clock);
  expect(fresh.seconds(30)).toBe(1);
  await clock.advance(500);
  expect(fresh.seconds(30)).toBe(15);
});
