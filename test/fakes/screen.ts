// Any control character opens an escape here; screenOf refuses all but ESC.
const tokens = /\p{Cc}\[(\?)?(\d*)(?:;\d+)*([A-Za-z])|[\s\S]/gu;

/**
 * What a terminal shows after `text`: line ends, CR, and the escapes CSI nA, nD, J, K. Modes (`CSI ?…`) and colours are skipped.
 * Anything else that steers a terminal is an error, so that a test notices it. Trailing spaces are cut.
 */
export const screenOf = (text: string): string[] => {
  const lines: string[][] = [[]];
  let row = 0;
  let column = 0;
  const line = () => (lines[row] ??= []);
  const escapes: Record<string, (count: number) => void> = {
    A: (count) => {
      row -= count;
      if (row < 0) throw new Error("the cursor left the screen at its top");
    },
    B: (count) => {
      row += count;
    },
    C: (count) => {
      column += count;
    },
    D: (count) => {
      column = Math.max(0, column - count);
    },
    J: () => void lines.splice(row, lines.length, line().slice(0, column)),
    K: () => void line().splice(column),
    m: () => undefined,
  };
  for (const [token, mode, count, letter = ""] of text.matchAll(tokens)) {
    if (letter !== "" && !token.startsWith("\x1b")) fail(token);
    if (token === "\n") {
      row++;
      column = 0;
    } else if (token === "\r") column = 0;
    else if (letter !== "") {
      if (mode) continue;
      const act = escapes[letter] ?? fail(token);
      act(Number(count || 1));
    } else if (/\p{Cc}/u.test(token)) fail(token);
    else {
      const width = Bun.stringWidth(token);
      if (width === 0) {
        line()[column - 1] += token; // a mark joins what stands there
        continue;
      }
      line()[column] = token;
      for (let more = 1; more < width; more++) line()[column + more] = "";
      column += width;
    }
  }
  return Array.from(lines, (cells = []) =>
    Array.from(cells, (cell) => cell ?? " ")
      .join("")
      .trimEnd(),
  );
};

const fail = (token: string): never => {
  throw new Error(`unexpected ${JSON.stringify(token)} on the screen`);
};
