import type { Clock } from "./clock.ts";

/** How long a queue takes, from how fast it has moved of late. */
export interface WaitEstimate {
  /** Somebody waits where nobody did. */
  begins(): void;
  /** One who waited is served. */
  served(): void;
  /** Whole seconds until `ahead` have been served, from 1 to 60: what a `Retry-After` says. */
  seconds(ahead: number): number;
}

const gain = 0.1; // about the last ten
const pauseShare = 1 / 3; // a pause is longer than the mean one time in three, three times as long one time in twenty
const maxSeconds = 60; // whoever comes back after a minute looks at another queue

export const createWaitEstimate = (clock: Pick<Clock, "now">): WaitEstimate => {
  let lastMs = clock.now();
  let meanMs: number | undefined;
  return {
    begins() {
      lastMs = clock.now();
    },
    served() {
      const pauseMs = clock.now() - lastMs;
      meanMs = meanMs === undefined ? pauseMs : meanMs + (pauseMs - meanMs) * gain;
      lastMs = clock.now();
    },
    seconds(ahead) {
      const pauseMs = clock.now() - lastMs; // a queue that stands still is not taken to move as it did
      const perOneMs = meanMs === undefined ? pauseMs : Math.max(meanMs, pauseMs * pauseShare);
      return Math.min(maxSeconds, Math.max(1, Math.ceil((perOneMs * ahead) / 1_000)));
    },
  };
};
