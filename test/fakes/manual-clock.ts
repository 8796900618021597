import type { Clock } from "../../src/core/clock.ts";

export interface ManualClock extends Clock {
  /** Moves time forward and runs what falls due, in order. Lets promises settle between timers. */
  advance(ms: number): Promise<void>;
}

export const manualClock = (startMs = 1_700_000_000_000): ManualClock => {
  let nowMs = startMs;
  let nextId = 0;
  const timers = new Map<number, { dueMs: number; action: () => void }>();
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const nextDue = (untilMs: number) =>
    [...timers].filter(([, timer]) => timer.dueMs <= untilMs).sort(([a, x], [b, y]) => x.dueMs - y.dueMs || a - b)[0];
  return {
    now: () => nowMs,
    after(ms, action) {
      const id = nextId++;
      timers.set(id, { dueMs: nowMs + ms, action });
      return () => void timers.delete(id);
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
        timers.delete(due[0]);
        nowMs = due[1].dueMs;
        due[1].action();
        await settle();
      }
      nowMs = untilMs;
      await settle();
    },
  };
};
