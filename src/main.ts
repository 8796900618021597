import type { CliContext } from "./cli/context.ts";
import { openContext } from "./cli/open-context.ts";
import { exitCodeOf, reportError } from "./cli/report-error.ts";
import { runCli } from "./cli/run-cli.ts";

/** What this executable starts itself with; dispatched before anything else, since a runner must not become a CLI. */
const hiddenCommands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  __runner: async ([nativeDir = ""]) => (await import("./runner/main.ts")).runRunner({ nativeDir }),
  __convert: async ([nativeDir = ""]) => {
    const { runJob } = await import("./convert/run-job.ts");
    await runJob({
      quantize: async (options) =>
        await (await import("./runner/quantize-model.ts")).quantizeModel({ ...options, nativeDir }),
    });
  },
};

const run = async (words: readonly string[], context: CliContext): Promise<number> => {
  const [first = "", ...args] = words;
  const hidden = Object.hasOwn(hiddenCommands, first) && hiddenCommands[first];
  if (!hidden) return await runCli(words, context);
  await hidden(args);
  return 0;
};

const main = async (words: readonly string[]): Promise<void> => {
  const context = openContext(process.env);
  let exitCode = 0;
  try {
    exitCode = await run(words, context);
  } catch (thrown) {
    exitCode = exitCodeOf(thrown);
    await reportError(thrown, context.stderr, process.env);
  }
  await Promise.all([context.stdout.drain(), context.stderr.drain()]);
  process.exit(exitCode); // all is written; a forgotten timer or socket must not keep the shell waiting
};

await main(process.argv.slice(2));
