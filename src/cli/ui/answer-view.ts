import type { Output } from "../output.ts";
import { createSanitizer } from "./sanitize.ts";
import { createWordWrap } from "./word-wrap.ts";

export interface AnswerViewOptions {
  stdout: Output;
  colors: boolean;
  wordWrap: boolean;
  hideThinking: boolean;
}

/** Shows one answer as it comes. */
export interface AnswerView {
  thinking(piece: string): Promise<void>;
  content(piece: string): Promise<void>;
  /** Closes what is open: colours, the thinking block, the last line. */
  end(): Promise<void>;
}

const grey = "\x1b[38;5;245m";
const bold = "\x1b[1m";
const reset = "\x1b[0m";

/** On a terminal: thinking in grey between Ollama's marks, wrapped and made harmless. Elsewhere: the answer's text and nothing else. */
export const createAnswerView = (options: AnswerViewOptions): AnswerView =>
  options.stdout.isTty ? terminalView(options) : plainView(options.stdout);

const plainView = (stdout: Output): AnswerView => {
  let last = "";
  return {
    thinking: async () => undefined,
    async content(piece) {
      last = piece || last;
      await stdout.write(piece);
    },
    end: async () => await stdout.write(last !== "" && !last.endsWith("\n") ? "\n" : ""),
  };
};

const terminalView = ({ stdout, colors, wordWrap, hideThinking }: AnswerViewOptions): AnswerView => {
  const newFlow = () => {
    const sanitize = createSanitizer();
    const wrap = wordWrap ? createWordWrap(() => stdout.columns) : (piece: string) => piece;
    return (piece: string) => wrap(sanitize(piece));
  };
  const paint = (style: string) => (colors ? style : "");
  let flow = newFlow();
  let isThinking = false;
  let hasText = false;
  const closeThinking = (): string => {
    isThinking = false;
    flow = newFlow();
    return `\n${paint(grey + bold)}...done thinking.${paint(reset)}\n\n`;
  };
  return {
    async thinking(piece) {
      if (hideThinking || piece === "") return;
      const opening = isThinking ? "" : `${paint(grey + bold)}Thinking...${paint(reset)}\n${paint(grey)}`;
      isThinking = true;
      await stdout.write(opening + flow(piece));
    },
    async content(piece) {
      if (piece === "") return;
      const closing = isThinking ? paint(reset) + closeThinking() : "";
      // Models begin with line ends after their thinking; the marks already leave a blank line.
      const text = hasText ? piece : piece.trimStart();
      hasText ||= text !== "";
      await stdout.write(closing + flow(text));
    },
    async end() {
      const closing = isThinking ? paint(reset) + closeThinking() : "";
      await stdout.write(hasText ? `${closing}\n\n` : closing);
    },
  };
};
