/** Whether the client is still there. One look at a request's signal for all that asks; listening anew each time is dear. */
export interface Client {
  readonly isGone: boolean;
  /** What is to be done when it goes: one thing at a time, instead of what was said before. Not called when it is gone already. */
  whenGone(action: (() => void) | undefined): void;
}

export const clientOf = (signal: AbortSignal): Client => {
  let act: (() => void) | undefined;
  signal.addEventListener("abort", () => act?.(), { once: true });
  return {
    get isGone() {
      return signal.aborted;
    },
    whenGone(action) {
      act = action;
    },
  };
};
