import type { Subprocess } from "bun";
import { AppError, isErrorCode, toAppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { childEnvironment } from "../native/child-environment.ts";
import { stderrTail } from "../native/stderr-tail.ts";
import { type ConversionJob, isJobMessage, type JobMessage, type JobResult } from "./conversion-job.ts";

/** Converts and quantizes, each job in a process of its own: llama.cpp aborts on bad input, and memory always comes back. */
export interface Converter {
  /** Rejects with the job's AppError, with one about the process when that died, or with the signal's reason once the process is gone. */
  run(job: ConversionJob, hooks: JobHooks): Promise<JobResult>;
}

export interface JobHooks {
  signal: AbortSignal;
  onProgress(done: number, total: number): void;
}

export interface ConverterOptions {
  /** The command line of such a process; see `hiddenCommand`. */
  command(): Promise<string[]>;
  /** Environment of this process; the child gets a small part of it. */
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
}

export const spawnConverter = ({ command, env, log }: ConverterOptions): Converter => ({
  async run(job, { signal, onProgress }) {
    const line = await command();
    signal.throwIfAborted();
    const end = Promise.withResolvers<Extract<JobMessage, { type: "done" | "failed" }>>();
    const child = start(line, env, (message) => {
      if (!isJobMessage(message)) log.warn("a conversion told something of unknown shape");
      else if (message.type === "progress") onProgress(message.done, message.total);
      else end.resolve(message);
    });
    const stderr = stderrTail(child.stderr, (text) => log.debug(`conversion ${child.pid}: ${text}`));
    const gone = child.exited.then(async () => {
      await stderr.ended;
      throw died(child, stderr.lastError());
    });
    gone.catch(() => undefined); // it may lose the race below
    const onAbort = () => child.kill("SIGKILL");
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      child.send(job);
      const message = await Promise.race([end.promise, gone]);
      if (message.type === "done") return message.result;
      throw new AppError(isErrorCode(message.code) ? message.code : "internal", message.message);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      child.kill("SIGKILL"); // it has nothing left to do, and whoever takes its files away must be alone with them
      await child.exited;
    }
  },
});

type Child = Subprocess<"ignore", "ignore", "pipe">;

const start = (command: string[], env: ConverterOptions["env"], ipc: (message: unknown) => void): Child => {
  try {
    return Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe", env: childEnvironment(env), ipc });
  } catch (error) {
    throw new AppError("internal", `cannot start a conversion process: ${toAppError(error).message}`);
  }
};

const died = ({ exitCode, signalCode }: Child, last: string | undefined): AppError => {
  const how = signalCode ? `was ended by ${signalCode}` : `ended with exit code ${exitCode}`;
  return new AppError("internal", `the conversion process ${how}${last ? `: ${last}` : ""}`);
};
