import { isModelPart, type ModelPart } from "./model-sheet.ts";

/** What a line of the chat asks for. */
export type ReplRequest =
  | { kind: "message"; text: string }
  | { kind: "more" }
  | { kind: "nothing" }
  | { kind: "clear" }
  | { kind: "help"; topic: string }
  | { kind: "show"; part: ModelPart | "info" }
  | { kind: "exit" }
  | { kind: "unknown"; word: string };

const quotes = '"""';

const words: Readonly<Record<string, (line: string) => ReplRequest>> = {
  "/bye": () => ({ kind: "exit" }),
  "/exit": () => ({ kind: "exit" }),
  "/clear": () => ({ kind: "clear" }),
  "/show": (line) => {
    const part = argument(line) || "info";
    return part === "info" || isModelPart(part) ? { kind: "show", part } : { kind: "help", topic: "show" };
  },
  "/?": (line) => ({ kind: "help", topic: argument(line) }),
  "/help": (line) => ({ kind: "help", topic: argument(line) }),
};

const argument = (line: string): string => line.split(/\s+/)[1]?.replace(/^\//, "") ?? "";

export interface ReplInput {
  /** Takes a line and says what it asks for; `more` inside a `"""` block. */
  take(line: string): ReplRequest;
  /** Forgets an unfinished block. */
  reset(): void;
}

/** The chat's grammar: a line that begins with `"""` opens a block that a line ending with `"""` closes; `/word` is a command, unless it `isMessage` after all: a path. */
export const createReplInput = (isMessage: (line: string) => boolean = () => false): ReplInput => {
  let block: string[] | undefined;
  const takeBlock = (lines: string[], line: string): ReplRequest => {
    const closes = line.trimEnd().endsWith(quotes);
    lines.push(closes ? line.trimEnd().slice(0, -quotes.length) : line);
    block = closes ? undefined : lines;
    if (!closes) return { kind: "more" };
    const text = lines.join("\n");
    return text.trim() === "" ? { kind: "nothing" } : { kind: "message", text };
  };
  return {
    take(line) {
      if (block) return takeBlock(block, line);
      if (line.startsWith(quotes)) return takeBlock([], line.slice(quotes.length));
      const trimmed = line.trim();
      if (trimmed === "") return { kind: "nothing" };
      if (!trimmed.startsWith("/")) return { kind: "message", text: line };
      const word = trimmed.split(/\s+/)[0] ?? "";
      const command = Object.hasOwn(words, word) ? words[word] : undefined;
      if (command) return command(trimmed);
      return isMessage(trimmed) ? { kind: "message", text: line } : { kind: "unknown", word };
    },
    reset() {
      block = undefined;
    },
  };
};
