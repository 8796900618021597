import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { historyMaxLines } from "./history.ts";

export type ReadResult =
  | { kind: "line"; text: string }
  /** Ctrl+C; `text` is what stood on the line. */
  | { kind: "interrupt"; text: string }
  /** Ctrl+D, or the terminal is gone. */
  | { kind: "end" };

/** The seam between the chat and its line editor. */
export interface LineReader {
  /** One line from the user. Lines typed before they were asked for come first, in order. */
  readLine(prompt: string): Promise<ReadResult>;
  /** Called on Ctrl+C while no line is being read, which is while an answer runs. */
  onInterrupt: () => void;
  close(): void;
}

interface LineReaderOptions {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  /** Oldest first. */
  history: readonly string[];
}

/**
 * A line editor on node:readline. One interface lives as long as the chat: the terminal stays in raw mode, so that Ctrl+C arrives
 * as a key also while an answer runs, and what is typed meanwhile is kept, unseen, for the next line.
 */
export const openLineReader = ({ input, output, history }: LineReaderOptions): LineReader => {
  const gate = openGate(output);
  const editor = createInterface({
    input,
    output: gate.stream,
    terminal: true,
    history: [...history].reverse(),
    historySize: historyMaxLines,
    removeHistoryDuplicates: true,
  });
  const early: ReadResult[] = [];
  let waiting: ((result: ReadResult) => void) | undefined;
  let ended = false;
  const deliver = (result: ReadResult) => {
    gate.isOpen = false;
    const take = waiting;
    waiting = undefined;
    if (take) take(result);
    else early.push(result);
  };
  const reader: LineReader = {
    onInterrupt: () => undefined,
    close: () => editor.close(),
    readLine(prompt) {
      const ready = early.shift();
      if (ready) {
        if (ready.kind === "line") output.write(`${prompt}${ready.text}\n`); // it was typed while the gate was shut
        return Promise.resolve(ready);
      }
      if (ended) return Promise.resolve({ kind: "end" });
      gate.isOpen = true;
      editor.setPrompt(prompt);
      editor.prompt(true);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
  };
  editor.on("line", (text) => deliver({ kind: "line", text }));
  editor.on("SIGINT", () => {
    const text = editor.line;
    editor.write(null, { ctrl: true, name: "e" });
    editor.write(null, { ctrl: true, name: "u" });
    if (waiting) deliver({ kind: "interrupt", text });
    else reader.onInterrupt();
  });
  editor.on("close", () => {
    ended = true;
    if (waiting) deliver({ kind: "end" });
  });
  return reader;
};

/** A terminal that hears the editor only while a line is being read: echo in the middle of an answer would tear it. */
const openGate = (output: NodeJS.WriteStream) => {
  const gate = {
    isOpen: false,
    stream: new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        if (gate.isOpen) output.write(chunk);
        done();
      },
    }),
  };
  Object.defineProperty(gate.stream, "columns", { get: () => output.columns });
  output.on("resize", () => gate.stream.emit("resize"));
  return gate;
};
