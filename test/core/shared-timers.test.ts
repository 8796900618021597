import { expect, test } from "bun:test";
import { sharedTimers } from "../../src/core/shared-timers.ts";
import { manualClock } from "../fakes/manual-clock.ts";

/** A clock that counts the timers which are asked of it. */
const counted = () => {
  const clock = manualClock();
  const asked: number[] = [];
  const after = (ms: number, action: () => void) => {
    asked.push(ms);
    return clock.after(ms, action);
  };
  return { clock, asked, timers: sharedTimers({ now: clock.now, after }) };
};

test("each deadline comes at its time, whatever its length", async () => {
  const { clock, timers } = counted();
  const came: string[] = [];
  timers.after(100, () => came.push("a"));
  await clock.advance(60);
  timers.after(100, () => came.push("b"));
  timers.after(10, () => came.push("short"));
  await clock.advance(39);
  expect(came).toEqual(["short"]);
  await clock.advance(1);
  expect(came).toEqual(["short", "a"]);
  await clock.advance(59);
  expect(came).toEqual(["short", "a"]);
  await clock.advance(1);
  expect(came).toEqual(["short", "a", "b"]);
});

test("deadlines of one length that are taken back cost one timer in that length", async () => {
  const { clock, asked, timers } = counted();
  let came = 0;
  for (let times = 0; times < 1_000; times++) timers.after(5_000, () => came++)();
  expect(asked).toEqual([5_000]);
  await clock.advance(5_000);
  expect(asked).toEqual([5_000]); // nothing waits, nothing wakes
  timers.after(5_000, () => came++);
  await clock.advance(5_000);
  expect(asked).toEqual([5_000, 5_000]);
  expect(came).toBe(1);
});

test("one deadline may set and take back others while it is met", async () => {
  const { clock, timers } = counted();
  const came: string[] = [];
  timers.after(10, () => {
    came.push("first");
    timers.after(10, () => came.push("again"));
    takeBack();
  });
  const takeBack = timers.after(10, () => came.push("taken back"));
  await clock.advance(20);
  expect(came).toEqual(["first", "again"]);
});

test("what is closed comes no more", async () => {
  const { clock, timers } = counted();
  let came = 0;
  timers.after(10, () => came++);
  timers.close();
  await clock.advance(10);
  expect(came).toBe(0);
});
