import type { Output } from "../../src/cli/output.ts";

export interface MemoryOutput extends Output {
  text: string;
}

/** An output that keeps what is written; a terminal of `columns` by `rows` when `isTty`. */
export const memoryOutput = ({ isTty = false, columns = 80, rows = 24 } = {}): MemoryOutput => {
  const output: MemoryOutput = {
    text: "",
    isTty,
    columns,
    rows,
    write: async (piece) => {
      output.text += piece;
    },
    drain: async () => undefined,
  };
  return output;
};
