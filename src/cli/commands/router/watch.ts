import { type Clock, sleep, systemClock } from "../../../core/clock.ts";
import { toAppError } from "../../../core/errors.ts";
import type { CliContext } from "../../context.ts";
import { interruptible } from "../../interrupt.ts";

export const watchArgs = {
  json: { type: "boolean", description: "Print JSON" },
  watch: { type: "boolean", alias: "w", description: "Print again every 2 seconds until Ctrl+C" },
} as const;

const everyMs = 2_000;
const clearScreen = "\x1b[H\x1b[2J";

/** Writes what `render` gives, once or, when watching, again and again; Ctrl+C then is the way to end it, not a failure. */
export const show = async (
  render: (signal: AbortSignal) => Promise<string>,
  { watch }: { watch: boolean },
  { stdout }: Pick<CliContext, "stdout">,
  clock: Clock = systemClock,
): Promise<void> => {
  const once = async (signal: AbortSignal) => {
    const text = await render(signal); // before the screen is cleared: an error leaves what was there
    await stdout.write(watch && stdout.isTty ? clearScreen + text : text);
  };
  if (!watch) return await once(new AbortController().signal);
  try {
    await interruptible(async (signal) => {
      for (;;) {
        await once(signal);
        await sleep(clock, everyMs, signal);
      }
    });
  } catch (error) {
    if (toAppError(error).code !== "cancelled") throw error;
  }
};
