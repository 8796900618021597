import type { RunnerMessage } from "./protocol.ts";

/** Something that is done again and again while there is work. */
export interface Beat {
  everyMs: number;
  act(): void;
}

/** Follows which requests are unanswered. */
export interface Pulse {
  begin(id: number): void;
  /** Looks for the ends of requests in what is being sent. */
  watch(message: RunnerMessage): void;
}

/** Keeps the beats going while a request is unanswered, and calls `atEnd` when the last is answered. No timer runs in between. */
export const createPulse = (beats: readonly Beat[], atEnd: () => void): Pulse => {
  const open = new Set<number>();
  let timers: ReturnType<typeof setInterval>[] = [];
  return {
    begin(id) {
      open.add(id);
      if (timers.length === 0) timers = beats.map(({ everyMs, act }) => setInterval(act, everyMs));
    },
    watch(message) {
      const ends = message.type === "error" || (message.type === "events" && message.events.at(-1)?.type === "done");
      if (!ends || !open.delete(message.id) || open.size > 0) return;
      for (const timer of timers) clearInterval(timer);
      timers = [];
      atEnd();
    },
  };
};
