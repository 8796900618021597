const isUsageError = (error: Error): boolean => "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");

/** Runs a script's `main`; an error is one line on stderr, one of the command line has the usage below it, and the exit code is 1. */
export const runScript = async (main: () => Promise<void>, usage: string): Promise<void> => {
  try {
    await main();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`Error: ${message}${error instanceof Error && isUsageError(error) ? `\nusage: ${usage}` : ""}`);
    process.exit(1);
  }
};
