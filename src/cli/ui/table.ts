import { printable } from "./printable.ts";

export interface Column {
  title: string;
  /** Spaces after the column's widest cell. */
  gap?: number;
}

const defaultGap = 4; // Ollama's

/** Ollama's look: a header, left-aligned columns, no rules. Widths are those on the terminal, right for CJK too. */
export const renderTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  // Names and sizes are ASCII nearly always and then need neither cleaning nor measuring, which is most of the time for 1,000 models.
  const isPlain = /^[ -~]*$/.test(rows.map((row) => row.join("")).join(""));
  const widthOf = isPlain ? (cell: string) => cell.length : (cell: string) => Bun.stringWidth(cell);
  const header = columns.map(({ title }) => title);
  const lines = [header, ...(isPlain ? rows : rows.map((row) => row.map(printable)))];
  const widths = columns.map(({ gap = defaultGap }, index) => {
    let widest = 0;
    for (const line of lines) widest = Math.max(widest, widthOf(line[index] ?? ""));
    return widest + gap;
  });
  const pad = (cell: string, index: number) => cell + " ".repeat((widths[index] ?? 0) - widthOf(cell));
  return lines.map((line) => `${line.map(pad).join("").trimEnd()}\n`).join("");
};
