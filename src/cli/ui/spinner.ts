import type { Clock } from "../../core/clock.ts";
import type { Output } from "../output.ts";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const frameMs = 100;

/** The frame that shows at a time, so that all spinners turn alike. */
export const spinnerFrame = (nowMs: number): string => frames[Math.floor(nowMs / frameMs) % frames.length] ?? frames[0];

export interface Spinner {
  /** Words beside it, from its next turn on. */
  say(words: string): void;
  /** Wipes it and shows the cursor again. Safe to call twice. */
  stop(): Promise<void>;
}

/** A spinner while there is nothing else to show; nothing at all when `output` is no terminal. */
export const startSpinner = async (output: Output, clock: Clock): Promise<Spinner> => {
  if (!output.isTty) return { say: () => undefined, stop: async () => undefined };
  let stopped = false;
  let shown = "";
  let cancel = (): void => undefined;
  const draw = () => {
    if (stopped) return;
    cancel = clock.after(frameMs, draw);
    void output.write(`\r${spinnerFrame(clock.now())} ${shown}\x1b[K`).catch(() => undefined);
  };
  await output.write("\x1b[?25l");
  draw();
  return {
    say(words) {
      shown = words;
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      cancel();
      await output.write("\r\x1b[K\x1b[?25h");
    },
  };
};
