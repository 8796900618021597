import type { Key } from "./key-decoder.ts";
import { createLineEditor, type LineEditor } from "./line-editor.ts";
import { createLineScreen } from "./line-screen.ts";
import { openTerminalKeys } from "./terminal-keys.ts";

export type ReadResult =
  | { kind: "line"; text: string }
  /** Ctrl+C; `text` is what stood on the line. */
  | { kind: "interrupt"; text: string }
  /** Ctrl+D, or the terminal is gone. */
  | { kind: "end" };

/** The seam between the chat and its line editor. */
export interface LineReader {
  /** One line from the user, who finds `draft` on it; what was typed before it was asked for comes first, in order, and instead of that. */
  readLine(prompt: string, placeholder?: string, draft?: string): Promise<ReadResult>;
  /** Called on Ctrl+C while no line is being read, which is while an answer runs. */
  onInterrupt: () => void;
  close(): void;
}

interface LineReaderOptions {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  /** Oldest first. */
  history: readonly string[];
  colors?: boolean;
}

const columnsByDefault = 80;

interface Waiting {
  editor: LineEditor;
  resolve(result: ReadResult): void;
}

/**
 * A line editor on a terminal in raw mode, from the first line to `close`: so Ctrl+C arrives as a key also while an answer runs, and what is
 * typed meanwhile is kept, unseen, for the next line.
 */
export const openLineReader = ({ input, output, history, colors = true }: LineReaderOptions): LineReader => {
  const queue = createKeyQueue({ output, history, colors });
  const reader: LineReader = {
    onInterrupt: () => undefined,
    readLine: queue.readLine,
    close() {
      output.off("resize", queue.resize);
      restore();
      queue.end();
    },
  };
  const restore = openTerminalKeys(
    { input, output },
    {
      onKeys: (keys) => {
        for (const key of keys) if (!queue.push(key)) reader.onInterrupt();
        queue.work();
      },
      onEnd: queue.end,
    },
  );
  output.on("resize", queue.resize);
  return reader;
};

/** Keys wait here for a line to be read. */
const createKeyQueue = ({ output, history, colors }: Required<Omit<LineReaderOptions, "input">>) => {
  const screen = createLineScreen({
    write: (text) => void output.write(text),
    columns: () => output.columns || columnsByDefault,
    colors,
  });
  const lines = [...history];
  const keys: Key[] = [];
  let waiting: Waiting | undefined;
  let ended = false;

  const deliver = ({ resolve }: Waiting, result: ReadResult) => {
    waiting = undefined;
    screen.leave();
    if (result.kind === "end") ended = true;
    if (result.kind === "line" && result.text.trim() !== "") lines.push(result.text);
    resolve(result);
  };
  /** Gives keys to the line that is being read, until it is finished; the rest waits for the next. */
  const work = () => {
    const reading = waiting;
    if (!reading) return;
    for (let key = keys.shift(); key; key = keys.shift()) {
      const pressed = reading.editor.press(key);
      if (pressed.kind === "edited") continue;
      screen.draw(reading.editor.view());
      if (pressed.kind !== "clear-screen") return deliver(reading, pressed);
      screen.clear();
    }
    screen.draw(reading.editor.view());
    if (ended) deliver(reading, { kind: "end" });
  };
  return {
    work,
    /** False = Ctrl+C while no line is read. It takes what was typed ahead with it. */
    push(key: Key): boolean {
      if (!waiting && key.kind === "key" && key.name === "interrupt") {
        keys.length = 0;
        return false;
      }
      keys.push(key);
      return true;
    },
    readLine(prompt: string, placeholder = "", draft = ""): Promise<ReadResult> {
      const { promise, resolve } = Promise.withResolvers<ReadResult>();
      const editor = createLineEditor({ prompt, placeholder, history: lines, draft: keys.length > 0 ? "" : draft });
      waiting = { editor, resolve };
      work();
      return promise;
    },
    end() {
      ended = true;
      work();
    },
    resize() {
      if (waiting) screen.resize();
    },
  };
};
