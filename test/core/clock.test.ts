import { expect, test } from "bun:test";
import { sleep } from "../../src/core/clock.ts";
import { manualClock } from "../fakes/manual-clock.ts";

test("sleep ends after its time, not before", async () => {
  const clock = manualClock();
  let done = false;
  void sleep(clock, 100).then(() => {
    done = true;
  });
  await clock.advance(99);
  expect(done).toBe(false);
  await clock.advance(1);
  expect(done).toBe(true);
});

test("sleep rejects with the signal's reason and leaves no timer", async () => {
  const clock = manualClock();
  const abort = new AbortController();
  const sleeping = sleep(clock, 100, abort.signal);
  abort.abort("enough");
  await expect(sleeping).rejects.toBe("enough");
  await expect(sleep(clock, 100, abort.signal)).rejects.toBe("enough");
});
