import type { OllamaPullPlan, OllamaPullProgress } from "../api/ollama.ts";
import { AppError } from "../core/errors.ts";
import type { CliContext } from "./context.ts";

/** Who pulls: a server, or this process. */
export interface PullSource {
  pull(model: string, signal: AbortSignal, options?: { all?: boolean }): AsyncIterable<OllamaPullProgress>;
  plan(model: string, signal: AbortSignal): Promise<OllamaPullPlan>;
}

/** The server where one can be reached; else, if `local`, this process with the store of this machine. */
export const pullSource = async (context: CliContext, local: boolean, signal: AbortSignal): Promise<PullSource> => {
  const client = context.client();
  const server: PullSource = { pull: client.pull, plan: client.planPull };
  try {
    await client.version(signal);
    return server;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "connection") return server; // it will say itself what is wrong
    if (!local) throw new AppError("connection", `${error.message}, or pull without it: --local`, { cause: error });
  }
  const { createLocalPull } = await import("../node/local-pull.ts");
  const { createConsoleLog } = await import("./ui/console-log.ts");
  const config = context.config();
  return createLocalPull(config, createConsoleLog(context.stderr, config.debugLevel));
};
