const esc = "\x1b";
const sequenceMaxChars = 4096; // an unfinished sequence must not swallow the rest of an answer

type State = "text" | "escape" | "csi" | "string" | "stringEscape";

/**
 * Takes out of streamed text what could steer a terminal: escape sequences (CSI, OSC, DCS and the like, also when they are
 * split between pieces) and all control characters but line ends and tabs. Returns a function from each piece to its clean text.
 */
export const createSanitizer = (): ((piece: string) => string) => {
  let state: State = "text";
  let sequenceChars = 0;
  const next = (char: string): string => {
    if (state === "text") {
      if (char === esc || char === "\x9b" || /[\x90\x98\x9d-\x9f]/.test(char)) {
        sequenceChars = 0;
        state = char === esc ? "escape" : char === "\x9b" ? "csi" : "string";
        return "";
      }
      return char === "\n" || char === "\t" || !/\p{Cc}/u.test(char) ? char : "";
    }
    if (++sequenceChars > sequenceMaxChars) state = "text";
    else state = inSequence[state](char);
    return "";
  };
  return (piece) => Array.from(piece, next).join("");
};

/** Where a character leads inside a sequence (ECMA-48). */
const inSequence: Readonly<Record<Exclude<State, "text">, (char: string) => State>> = {
  escape: (char) => {
    if (char === "[") return "csi";
    if (/[\]PX^_]/.test(char)) return "string";
    return /[\x20-\x2f]/.test(char) ? "escape" : "text";
  },
  csi: (char) => (/[\x40-\x7e]/.test(char) ? "text" : "csi"),
  string: (char) => {
    if (char === "\x07" || char === "\x9c") return "text";
    return char === esc ? "stringEscape" : "string";
  },
  stringEscape: (char) => (char === "\\" ? "text" : "string"),
};
