import { printable } from "./printable.ts";

export interface Column {
  title: string;
  /** Spaces after the column's widest cell. */
  gap?: number;
}

const defaultGap = 4; // Ollama's

/** Ollama's look: a header, left-aligned columns, no rules. Widths are those on the terminal, right for CJK too. */
export const renderTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => Bun.stringWidth(line[index] ?? ""))));
  const pad = (cell: string, index: number) =>
    cell + " ".repeat((widths[index] ?? 0) + (columns[index]?.gap ?? defaultGap) - Bun.stringWidth(cell));
  return lines.map((line) => `${line.map(pad).join("").trimEnd()}\n`).join("");
};
