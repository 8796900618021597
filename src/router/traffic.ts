import type { Clock } from "../core/clock.ts";

/** What the router is doing: the proxy tells, listings ask. */
export interface Traffic {
  /** A request for a model has arrived. */
  count(): void;
  /** A request goes to a node; call what is returned once when it has ended. */
  enter(nodeId: string): () => void;
  inFlight(nodeId: string): number;
  requestsLastHour(): number;
}

const minuteMs = 60_000;
const minutes = 60;

export const createTraffic = (clock: Clock): Traffic => {
  const perMinute = new Map<number, number>(); // at most an hour of them
  const perNode = new Map<string, number>();
  const minuteNow = () => Math.floor(clock.now() / minuteMs);
  const forget = () => {
    for (const minute of perMinute.keys()) {
      if (minute > minuteNow() - minutes) return; // they are in order
      perMinute.delete(minute);
    }
  };
  return {
    count() {
      const minute = minuteNow();
      if (!perMinute.has(minute)) forget();
      perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
    },
    enter(nodeId) {
      perNode.set(nodeId, (perNode.get(nodeId) ?? 0) + 1);
      return () => {
        const left = (perNode.get(nodeId) ?? 1) - 1;
        if (left > 0) perNode.set(nodeId, left);
        else perNode.delete(nodeId);
      };
    },
    inFlight: (nodeId) => perNode.get(nodeId) ?? 0,
    requestsLastHour() {
      forget();
      return [...perMinute.values()].reduce((sum, count) => sum + count, 0);
    },
  };
};
