import type { KeyName } from "./key-decoder.ts";

/** A text that is being edited. */
export interface EditText {
  text: string;
  /** Where the next character goes; an index into `text` that never lies inside a grapheme. */
  cursor: number;
  /** What was cut last, for `yank`. */
  cut: string;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What people take for one character: 👩‍🚀 and が are one each. */
export const graphemes = (text: string): string[] => Array.from(segmenter.segment(text), ({ segment }) => segment);

export const emptyText: EditText = { text: "", cursor: 0, cut: "" };

export const insert = (state: EditText, piece: string): EditText => ({
  ...state,
  text: state.text.slice(0, state.cursor) + piece + state.text.slice(state.cursor),
  cursor: state.cursor + piece.length,
});

type Edit = (state: EditText) => EditText;

const move =
  (to: (state: EditText) => number): Edit =>
  (state) => ({ ...state, cursor: to(state) });

/** Cuts what lies between the cursor and `to`. */
const remove =
  (to: (state: EditText) => number, keep: boolean): Edit =>
  (state) => {
    const [from, end] = [Math.min(state.cursor, to(state)), Math.max(state.cursor, to(state))];
    const text = state.text.slice(0, from) + state.text.slice(end);
    return { text, cursor: from, cut: keep && end > from ? state.text.slice(from, end) : state.cut };
  };

const before = ({ text, cursor }: EditText): number => cursor - (graphemes(text.slice(0, cursor)).at(-1)?.length ?? 0);

const after = ({ text, cursor }: EditText): number => cursor + (graphemes(text.slice(cursor))[0]?.length ?? 0);

const lineStart = ({ text, cursor }: EditText): number => text.lastIndexOf("\n", cursor - 1) + 1;

const lineEnd = ({ text, cursor }: EditText): number => {
  const end = text.indexOf("\n", cursor);
  return end < 0 ? text.length : end;
};

const wordStart = ({ text, cursor }: EditText): number =>
  cursor - (/[\p{L}\p{N}\p{M}_]*[^\p{L}\p{N}\p{M}_]*$/u.exec(text.slice(0, cursor))?.[0].length ?? 0);

const wordEnd = ({ text, cursor }: EditText): number =>
  cursor + (/^[^\p{L}\p{N}\p{M}_]*[\p{L}\p{N}\p{M}_]*/u.exec(text.slice(cursor))?.[0].length ?? 0);

/** Ctrl+W goes back to white space, as a shell does. */
const spaceStart = ({ text, cursor }: EditText): number =>
  cursor - (/\S*\s*$/.exec(text.slice(0, cursor))?.[0].length ?? 0);

/** One line up or down within a text of several, in about the same place; unchanged at its edge. */
const vertical =
  (down: boolean): Edit =>
  (state) => {
    const start = lineStart(state);
    const column = graphemes(state.text.slice(start, state.cursor)).length;
    const edge = down ? lineEnd(state) : start;
    if (edge === (down ? state.text.length : 0)) return state;
    const next = { ...state, cursor: down ? edge + 1 : edge - 1 };
    const line = state.text.slice(lineStart(next), lineEnd(next));
    return { ...state, cursor: lineStart(next) + graphemes(line).slice(0, column).join("").length };
  };

/** What the keys do to the text; a key that is not here means something else. */
export const edits: Readonly<Partial<Record<KeyName, Edit>>> = {
  newline: (state) => insert(state, "\n"),
  tab: (state) => insert(state, "\t"),
  backspace: remove(before, false),
  delete: remove(after, false),
  left: move(before),
  right: move(after),
  up: vertical(false),
  down: vertical(true),
  home: move(lineStart),
  end: move(lineEnd),
  "word-left": move(wordStart),
  "word-right": move(wordEnd),
  "kill-end": remove(lineEnd, true),
  "kill-start": remove(lineStart, true),
  "kill-word": remove(spaceStart, true),
  "kill-word-forward": remove(wordEnd, true),
  yank: (state) => insert(state, state.cut),
};
