const linesKept = 20;
const lineCharactersMax = 500;

export interface StderrTail {
  /** Resolves when the other side has closed it; never rejects. */
  ended: Promise<void>;
  /** The newest of the last lines that tells of a fault, e.g. a failed assertion. */
  lastError(): string | undefined;
}

/** Reads a process's standard error to its end, line by line, and remembers the newest lines. */
export const stderrTail = (stderr: ReadableStream<Uint8Array>, onLine: (line: string) => void): StderrTail => {
  const kept: string[] = [];
  const add = (line: string) => {
    const text = line.trimEnd().slice(0, lineCharactersMax);
    if (text === "") return;
    kept.push(text);
    if (kept.length > linesKept) kept.shift();
    onLine(text);
  };
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stderr) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(-lineCharactersMax);
      lines.forEach(add);
    }
    add(rest);
  };
  return {
    ended: read().catch(() => undefined), // a broken pipe ends it as well
    lastError: () => kept.findLast((line) => /assert|error|abort|fatal|panic|terminate/i.test(line)),
  };
};
