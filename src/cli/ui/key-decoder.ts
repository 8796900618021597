/** What a person does at the keyboard. */
export type Key =
  /** Printable characters, as many as came together. */
  | { kind: "text"; text: string }
  /** A bracketed paste: its line ends do not submit. */
  | { kind: "paste"; text: string }
  | { kind: "key"; name: KeyName };

export type KeyName =
  | "enter"
  | "newline"
  | "tab"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "word-left"
  | "word-right"
  | "kill-end"
  | "kill-start"
  | "kill-word"
  | "kill-word-forward"
  | "yank"
  | "search"
  | "clear-screen"
  | "interrupt"
  | "end-of-input"
  | "escape";

const controls: Readonly<Record<string, KeyName>> = {
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x05": "end",
  "\x06": "right",
  "\x07": "escape",
  "\x08": "backspace",
  "\t": "tab",
  "\n": "newline",
  "\x0b": "kill-end",
  "\x0c": "clear-screen",
  "\r": "enter",
  "\x0e": "down",
  "\x10": "up",
  "\x12": "search",
  "\x15": "kill-start",
  "\x17": "kill-word",
  "\x19": "yank",
  "\x7f": "backspace",
};

/** What follows ESC: Alt and a key. */
const alts: Readonly<Record<string, KeyName>> = {
  b: "word-left",
  f: "word-right",
  d: "kill-word-forward",
  "\x7f": "kill-word",
  "\b": "kill-word",
  "\r": "newline",
  "\n": "newline",
};

/** What follows CSI (`ESC [`) or SS3 (`ESC O`): xterm's sequences, and rxvt's for Home and End. */
const sequences: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  "1~": "home",
  "4~": "end",
  "7~": "home",
  "8~": "end",
  "3~": "delete",
  "1;5C": "word-right",
  "1;3C": "word-right",
  "1;5D": "word-left",
  "1;3D": "word-left",
  "13;2u": "newline",
};

const pasteStart = "200~";
const pasteEnd = "\x1b[201~";

// What follows ESC.
const sequence = /^.(?:\[([0-9;]*[A-Za-z~])|O([A-Z]))/;
const unfinished = /^.(?:\[[0-9;]*|O)?$/;
const printable = /^[^\p{Cc}]+/u;

export interface KeyDecoder {
  /** The keys that `text` completes; what may be the beginning of one waits for the rest. */
  push(text: string): Key[];
  /** Nothing more came: a lone ESC was the key itself. */
  flush(): Key[];
  /** Does something wait? */
  readonly isWaiting: boolean;
}

/** Reads what a terminal in raw mode sends. */
export const createKeyDecoder = (): KeyDecoder => {
  let rest = "";
  let paste: string | undefined;
  const step = (): Key | "ignored" | undefined => {
    if (paste !== undefined) return takePaste();
    if (rest === "") return undefined;
    const [text] = printable.exec(rest) ?? [];
    if (text) return take(text.length, { kind: "text", text });
    if (rest.startsWith("\x1b")) return takeEscape();
    const name = controls[rest[0] ?? ""];
    return take(1, name ? { kind: "key", name } : "ignored");
  };
  const take = <T>(length: number, key: T): T => {
    rest = rest.slice(length);
    return key;
  };
  const takeEscape = (): Key | "ignored" | undefined => {
    if (unfinished.test(rest)) return undefined;
    const [found, csi, ss3] = sequence.exec(rest) ?? [];
    if (!found) {
      const name = alts[rest[1] ?? ""];
      return name ? take(2, { kind: "key", name }) : take(1, "ignored");
    }
    rest = rest.slice(found.length);
    if (csi === pasteStart) {
      paste = "";
      return "ignored";
    }
    const name = sequences[csi ?? ss3 ?? ""];
    return name ? { kind: "key", name } : "ignored";
  };
  const takePaste = (): Key | undefined => {
    const end = rest.indexOf(pasteEnd);
    // The end of the piece may be the beginning of the mark.
    const sure = end >= 0 ? end : Math.max(0, rest.length - pasteEnd.length + 1);
    paste = (paste ?? "") + rest.slice(0, sure);
    rest = rest.slice(end >= 0 ? end + pasteEnd.length : sure);
    if (end < 0) return undefined;
    const text = paste;
    paste = undefined;
    return { kind: "paste", text };
  };
  const steps = (): Key[] => {
    const keys: Key[] = [];
    for (let key = step(); key; key = step()) if (key !== "ignored") keys.push(key);
    return keys;
  };
  return {
    push(text) {
      rest += text;
      return steps();
    },
    flush() {
      if (paste !== undefined || !rest.startsWith("\x1b")) return [];
      rest = rest.slice(1);
      return [{ kind: "key", name: "escape" }, ...steps()];
    },
    get isWaiting() {
      return paste === undefined && rest.startsWith("\x1b");
    },
  };
};
