import type { Clock } from "../../src/core/clock.ts";

/** Virtual time: what is due next happens at once. */
export interface EventQueue extends Clock {
  /** Until nothing is left to happen. */
  run(): void;
}

export const createEventQueue = (): EventQueue => {
  /** A heap by due time, then by order of entry. */
  const heap: { dueMs: number; order: number; action: () => void }[] = [];
  let nowMs = 0;
  let orders = 0;
  const isBefore = (a: number, b: number) => {
    const [one, other] = [heap[a], heap[b]];
    if (!one || !other) return false;
    return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
  };
  const swap = (a: number, b: number) => {
    const [one, other] = [heap[a], heap[b]];
    if (one && other) [heap[a], heap[b]] = [other, one];
  };
  const pop = () => {
    swap(0, heap.length - 1);
    const first = heap.pop();
    for (let at = 0; ; ) {
      const child = isBefore(2 * at + 2, 2 * at + 1) ? 2 * at + 2 : 2 * at + 1;
      if (!isBefore(child, at)) return first;
      swap(child, at);
      at = child;
    }
  };
  return {
    now: () => nowMs,
    after(ms, action) {
      const event = { dueMs: nowMs + ms, order: orders++, action };
      heap.push(event);
      for (let at = heap.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
      return () => {
        event.action = () => {};
      };
    },
    run() {
      for (let event = pop(); event; event = pop()) {
        nowMs = event.dueMs;
        event.action();
      }
    },
  };
};
