import type { OllamaPullProgress } from "../../api/ollama.ts";
import type { Clock } from "../../core/clock.ts";
import { formatBytes } from "../../core/format.ts";
import type { Output } from "../output.ts";
import { renderTransfer } from "./progress-bar.ts";
import { createPullState, type PullLine } from "./pull-state.ts";
import { spinnerFrame } from "./spinner.ts";

/** Shows a pull. Whoever makes one must end it: a terminal's cursor is hidden until then. */
export interface PullView {
  take(progress: OllamaPullProgress): Promise<void>;
  /** Leaves the last state on the screen; `ok` says whether the pull went well. */
  end(ok: boolean): Promise<void>;
}

export const createPullView = (output: Output, clock: Clock): PullView =>
  output.isTty ? terminalView(output, clock) : plainView(output, clock);

const percentStep = 10;

/** One line for each status and for each tenth of a blob, without control characters. */
const plainView = (output: Output, clock: Clock): PullView => {
  const state = createPullState();
  const shownSteps = new Map<PullLine, number>();
  return {
    async take(progress) {
      const { line, isNew } = state.take(progress, clock.now());
      if (line.kind === "status") return isNew ? await output.write(`${line.text}\n`) : undefined;
      const { totalBytes, completedBytes, label } = line;
      if (totalBytes === 0) return;
      const step = Math.floor((completedBytes / totalBytes) * (100 / percentStep));
      if (step <= (shownSteps.get(line) ?? -1)) return;
      shownSteps.set(line, step);
      const amount = `${formatBytes(completedBytes)}/${formatBytes(totalBytes)}`;
      await output.write(`${label} ${step * percentStep}% ${amount}\n`);
    },
    end: async () => undefined,
  };
};

const redrawMs = 100; // Ollama's; faster only costs the terminal
const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";
const clearToLineEnd = "\x1b[K";
const clearBelow = "\x1b[J";

/** Bars that are redrawn in place. */
const terminalView = (output: Output, clock: Clock): PullView => {
  const state = createPullState();
  let drawnLines = 0;
  let ended = false;
  let cancel: (() => void) | undefined;
  const draw = (final?: "ok" | "failed"): Promise<void> => {
    const spinning = final ? undefined : spinnerFrame(clock.now());
    // A display taller than the window could not be redrawn in place: the newest lines are what matters.
    const lines = state.lines.slice(-Math.max(1, output.rows - 1)).map((line, index, shown) => {
      const isRunning = index === shown.length - 1 && !final;
      return renderLine(line, output.columns, clock.now(), isRunning ? spinning : undefined);
    });
    const up = drawnLines > 0 ? `\x1b[${drawnLines}A\r` : "";
    drawnLines = lines.length;
    return output.write(up + lines.map((line) => `${line}${clearToLineEnd}\n`).join("") + clearBelow);
  };
  const tick = () => {
    if (ended) return;
    cancel = clock.after(redrawMs, tick);
    // The next write of the command itself reports a terminal that is gone.
    void draw().catch(() => undefined);
  };
  return {
    async take(progress) {
      state.take(progress, clock.now());
      if (cancel || ended) return;
      await output.write(hideCursor);
      tick();
    },
    async end(ok) {
      if (ended) return;
      ended = true;
      cancel?.();
      if (!cancel) return;
      await draw(ok ? "ok" : "failed");
      await output.write(showCursor);
    },
  };
};

const renderLine = (line: PullLine, columns: number, nowMs: number, spinner: string | undefined): string => {
  if (line.kind === "status") return `${line.text}${spinner ? ` ${spinner}` : ""}`.slice(0, columns - 1);
  const { label, totalBytes, completedBytes, rate } = line;
  // One column stays free: a terminal that wraps at its last one would break the redraw.
  return renderTransfer({ label, totalBytes, completedBytes, bytesPerSecond: rate.bytesPerSecond(nowMs) }, columns - 1);
};
