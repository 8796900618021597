import type { Clock } from "./clock.ts";

export interface SharedTimers extends Clock {
  /** Forgets all that was to be done. */
  close(): void;
}

interface Deadline {
  readonly dueMs: number;
  readonly action: () => void;
}

interface Lane {
  /** In the order in which they fall due, since all wait equally long. */
  readonly deadlines: Set<Deadline>;
  cancel(): void;
}

/**
 * A clock for deadlines that are nearly always taken back, several for each request: one timer of `clock` serves all of one length. To take
 * one back only removes it from a set; the timer may then wake for nothing, once in that length.
 */
export const sharedTimers = (clock: Clock): SharedTimers => {
  const lanes = new Map<number, Lane>();
  const arm = (lane: Lane, lengthMs: number, inMs: number): void => {
    lane.cancel = clock.after(inMs, () => wake(lane, lengthMs));
  };
  const wake = (lane: Lane, lengthMs: number): void => {
    const nowMs = clock.now();
    const due: Deadline[] = [];
    let nextMs: number | undefined;
    for (const deadline of lane.deadlines) {
      const leftMs = deadline.dueMs - nowMs;
      // Where the clock was set back, too early is better than an hour too late.
      if (leftMs > 0 && leftMs <= lengthMs) {
        nextMs = leftMs;
        break;
      }
      due.push(deadline);
    }
    if (nextMs === undefined) lanes.delete(lengthMs);
    else arm(lane, lengthMs, nextMs);
    for (const deadline of due) if (lane.deadlines.delete(deadline)) deadline.action(); // one may take back the next
  };
  const laneOf = (ms: number): Lane => {
    const known = lanes.get(ms);
    if (known) return known;
    const lane: Lane = { deadlines: new Set(), cancel: () => undefined };
    lanes.set(ms, lane);
    arm(lane, ms, ms);
    return lane;
  };
  return {
    now: clock.now,
    after(ms, action) {
      const { deadlines } = laneOf(ms);
      const deadline = { dueMs: clock.now() + ms, action };
      deadlines.add(deadline);
      return () => void deadlines.delete(deadline);
    },
    close() {
      for (const lane of lanes.values()) lane.cancel();
      lanes.clear();
    },
  };
};
