const margin = 5; // Ollama's: text ends this many columns before the edge
const columnsMin = 10; // narrower than this, words are longer than lines

/**
 * Wraps streamed text at words. Letters are shown at once; when a word turns out too long for its line, the terminal is told
 * to go back over it and it is written again on the next. Wide characters (CJK) may break anywhere, as their scripts do.
 * `columns` is asked anew for each piece, since a window may be resized. The pieces must hold no escape sequences.
 */
export const createWordWrap = (columns: () => number): ((piece: string) => string) => {
  let lineColumns = 0;
  let word = "";
  const wrap = (char: string, limit: number): string => {
    if (char === "\n") {
      lineColumns = 0;
      word = "";
      return char;
    }
    const width = char === "\t" ? 8 - (lineColumns % 8) : Bun.stringWidth(char);
    let out = char;
    if (lineColumns + width > limit) out = char === " " || char === "\t" ? newLine("") : newLine(char);
    else lineColumns += width;
    if (char === " " || char === "\t" || width >= 2) word = "";
    else word += char;
    return out;
  };
  /** Starts a line with the unfinished word, unless that fills a line by itself, and then `char`. */
  const newLine = (char: string): string => {
    const wordColumns = Bun.stringWidth(word);
    const keepsWord = char !== "" && wordColumns > 0 && wordColumns < lineColumns && Bun.stringWidth(char) < 2;
    const carried = keepsWord ? word : "";
    if (!keepsWord) word = "";
    lineColumns = Bun.stringWidth(carried + char);
    return `${keepsWord ? `\x1b[${wordColumns}D\x1b[K` : ""}\n${carried}${char}`;
  };
  return (piece) => {
    const limit = columns() - margin;
    if (columns() < columnsMin) return piece;
    return Array.from(piece, (char) => wrap(char, limit)).join("");
  };
};
