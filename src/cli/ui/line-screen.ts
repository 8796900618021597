import { graphemes } from "./edit-text.ts";
import type { LineView } from "./line-editor.ts";

/** Draws a line that is being edited, over as many rows as it takes. */
export interface LineScreen {
  draw(view: LineView): void;
  /** The line is finished: the cursor goes below it. */
  leave(): void;
  /** Empties the window; the next drawing begins at its top. */
  clear(): void;
  /** The window has another width. */
  resize(): void;
}

export interface LineScreenOptions {
  write(text: string): void;
  columns(): number;
  colors: boolean;
}

/** Row breaks are ours, so that no terminal has to guess where a wide character goes at its edge. */
export interface Layout {
  rows: string[];
  /** Columns that each row takes. */
  widths: number[];
  cursor: { row: number; column: number };
}

const morePrompt = "... ";
const tabColumns = 4;
const grey = "\x1b[38;5;245m";
const reset = "\x1b[0m";

/** Where everything goes in a window of `columns`; pure. */
export const layOut = ({ prompt, text, cursor }: LineView, columns: number): Layout => {
  const rows = [""];
  const widths = [0];
  const add = (piece: string, width: number) => {
    const last = rows.length - 1;
    if ((widths[last] ?? 0) + width > columns) {
      rows.push(piece);
      widths.push(width);
      return;
    }
    rows[last] += piece;
    widths[last] = (widths[last] ?? 0) + width;
  };
  const place = () => {
    const row = rows.length - 1;
    const column = widths[row] ?? 0;
    if (column < columns) return { row, column };
    rows.push(""); // a full row has no place for a cursor
    widths.push(0);
    return { row: row + 1, column: 0 };
  };
  for (const grapheme of graphemes(prompt)) add(grapheme, Bun.stringWidth(grapheme));
  let at = 0;
  let found: Layout["cursor"] | undefined;
  for (const grapheme of graphemes(text)) {
    if (at === cursor) found = place();
    at += grapheme.length;
    if (grapheme === "\n") {
      rows.push(morePrompt);
      widths.push(morePrompt.length);
    } else if (grapheme === "\t") add(" ".repeat(tabColumns), tabColumns);
    else add(grapheme, Bun.stringWidth(grapheme));
  }
  return { rows, widths, cursor: found ?? place() };
};

export const createLineScreen = ({ write, columns, colors }: LineScreenOptions): LineScreen => {
  let shown: Layout | undefined;
  let last: LineView | undefined;
  const up = (rows: number) => (rows > 0 ? `\x1b[${rows}A` : "");
  const redraw = (view: LineView): void => {
    const next = layOut(view, columns());
    write((shown ? `${up(shown.cursor.row)}\r\x1b[J` : "") + drawRows(view, next));
    shown = next;
  };
  const drawRows = (view: LineView, { rows, widths, cursor }: Layout): string => {
    const hint = view.text === "" && view.placeholder !== "" && colors ? `${grey}${view.placeholder}${reset}` : "";
    const end = rows.length - 1;
    const isThere = hint === "" && cursor.row === end && cursor.column === widths[end];
    const back = isThere ? "" : `${up(end - cursor.row)}\r${cursor.column > 0 ? `\x1b[${cursor.column}C` : ""}`;
    return rows.join("\r\n") + hint + back;
  };
  return {
    draw(view) {
      const added = appended(last, view);
      const fits = shown && added && (shown.widths.at(-1) ?? 0) + Bun.stringWidth(added) < columns();
      last = view;
      if (!fits) return redraw(view);
      write(added);
      shown = layOut(view, columns());
    },
    leave() {
      if (shown)
        write(`${"\x1b[B".repeat(shown.rows.length - 1 - shown.cursor.row)}${last?.text === "" ? "\x1b[K" : ""}\n`);
      shown = last = undefined;
    },
    clear() {
      write("\x1b[2J\x1b[H");
      shown = last = undefined;
    },
    resize() {
      if (!shown || !last) return;
      // A narrower window breaks each of our rows anew; the cursor is that much further down.
      const width = Math.max(1, columns());
      const above = shown.widths
        .slice(0, shown.cursor.row)
        .reduce((sum, each) => sum + Math.max(1, Math.ceil(each / width)), 0);
      const row = above + Math.floor(shown.cursor.column / width);
      shown = { ...shown, cursor: { ...shown.cursor, row } };
      redraw(last);
    },
  };
};

/** What was typed at the end of a line, when nothing else has changed; the usual case, which needs no redrawing. */
const appended = (before: LineView | undefined, now: LineView): string | undefined => {
  if (!before || before.text === "" || before.prompt !== now.prompt || now.cursor !== now.text.length) return undefined;
  if (before.cursor !== before.text.length || !now.text.startsWith(before.text)) return undefined;
  const piece = now.text.slice(before.text.length);
  // A mark that joins the last character changes what stands there already.
  const joins = graphemes(before.text).length + graphemes(piece).length !== graphemes(now.text).length;
  return piece === "" || joins || /[\n\t]/.test(piece) ? undefined : piece;
};
