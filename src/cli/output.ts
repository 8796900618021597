/** Where text goes. Every write is awaited, so that nothing is lost at exit and a slow reader slows the writer. */
export interface Output {
  /** Rejects with code EPIPE when the reader is gone. */
  write(text: string): Promise<void>;
  /** Resolves when every write so far has ended, well or not. */
  drain(): Promise<void>;
  readonly isTty: boolean;
  /** Width of the terminal; 80 when it is not known. */
  readonly columns: number;
  /** Height of the terminal; 24 when it is not known. */
  readonly rows: number;
}

/**
 * Standard output (1) or error (2) of this process.
 * Pipes and files go through Bun's sink: process.stdout alone costs 5 ms of start-up and loses what is unwritten at exit.
 * A terminal goes through process.stdout, which writes at once and in order with readline.
 */
export const openOutput = (fd: 1 | 2): Output => {
  let isTty: boolean | undefined;
  let sink: Bun.FileSink | undefined;
  let last: Promise<void> = Promise.resolve();
  const stream = () => (fd === 1 ? process.stdout : process.stderr);
  const detect = (): boolean => {
    isTty ??= process.getBuiltinModule("node:tty").isatty(fd);
    return isTty;
  };
  const writeNow = async (text: string): Promise<void> => {
    if (text === "") return;
    if (isTty) return await writeStream(stream(), text);
    sink ??= (fd === 1 ? Bun.stdout : Bun.stderr).writer();
    // Both calls may hand back a promise that rejects; one that nobody awaits would end the process.
    await sink.write(text);
    await sink.flush();
  };
  return {
    get isTty() {
      return detect();
    },
    get columns() {
      return (detect() && stream().columns) || 80;
    },
    get rows() {
      return (detect() && stream().rows) || 24;
    },
    write(text) {
      const written = last.then(() => writeNow(text));
      last = written.catch(() => undefined);
      return written;
    },
    drain: () => last,
  };
};

const writeStream = (stream: NodeJS.WriteStream, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });

/** True for the error of a write whose reader has gone, as in `llmlb node list | head -1`. */
export const isBrokenPipe = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
