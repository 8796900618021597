import { pulseEveryMs, type RunnerMessage, type RunnerStats } from "./protocol.ts";

/** Tells the node that the runner is alive, as long as it has work. */
export interface Pulse {
  begin(id: number): void;
  /** Looks for the ends of requests in what is being sent. */
  watch(message: RunnerMessage): void;
}

/** Sends a pulse every `pulseEveryMs` while a request is unanswered, and one when the last is answered. No timer runs in between. */
export const createPulse = (stats: () => RunnerStats, send: (message: RunnerMessage) => void): Pulse => {
  const open = new Set<number>();
  let timer: ReturnType<typeof setInterval> | undefined;
  const beat = () => send({ type: "pulse", stats: stats() });
  return {
    begin(id) {
      open.add(id);
      timer ??= setInterval(beat, pulseEveryMs);
    },
    watch(message) {
      const ends = message.type === "error" || (message.type === "events" && message.events.at(-1)?.type === "done");
      if (!ends || !open.delete(message.id) || open.size > 0) return;
      clearInterval(timer);
      timer = undefined;
      beat();
    },
  };
};
