import type { Clock } from "../core/clock.ts";

/** Notices that somebody who has work makes no progress. */
export interface Watchdog {
  /** Work has begun: progress is expected from now on. Repeating it changes nothing. */
  begin(): void;
  progress(): void;
  /** There is no more work. */
  end(): void;
}

/** Calls `onStall` once when there was work, but no progress, for `timeoutMs`. */
export const watchdog = (clock: Clock, timeoutMs: number, onStall: () => void): Watchdog => {
  let lastMs = 0;
  let cancel: (() => void) | undefined;
  const look = () => {
    const leftMs = lastMs + timeoutMs - clock.now();
    cancel = undefined;
    if (leftMs <= 0) onStall();
    else cancel = clock.after(leftMs, look);
  };
  return {
    begin() {
      if (cancel) return;
      lastMs = clock.now();
      cancel = clock.after(timeoutMs, look);
    },
    progress() {
      lastMs = clock.now(); // the timer finds out when it rings: progress is frequent
    },
    end() {
      cancel?.();
      cancel = undefined;
    },
  };
};
