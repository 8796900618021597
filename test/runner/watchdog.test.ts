import { expect, test } from "bun:test";
import { watchdog } from "../../src/runner/watchdog.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const setUp = () => {
  const clock = manualClock();
  const stalls: number[] = [];
  const startMs = clock.now();
  return { clock, stalls, dog: watchdog(clock, 1000, () => stalls.push(clock.now() - startMs)) };
};

test("work without progress is a stall, told once", async () => {
  const { clock, stalls, dog } = setUp();
  dog.begin();
  await clock.advance(600);
  dog.begin();
  dog.progress();
  await clock.advance(999);
  expect(stalls).toEqual([]);
  await clock.advance(5000);
  expect(stalls).toEqual([1600]);
});

test("without work nothing is expected", async () => {
  const { clock, stalls, dog } = setUp();
  await clock.advance(5000);
  dog.begin();
  dog.end();
  await clock.advance(5000);
  dog.begin();
  await clock.advance(900);
  expect(stalls).toEqual([]);
});
