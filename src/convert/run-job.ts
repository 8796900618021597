import { constants, setPriority } from "node:os";
import { AppError, toAppError } from "../core/errors.ts";
import { type ConversionJob, isConversionJob, type JobMessage, type JobResult } from "./conversion-job.ts";

export interface JobTools {
  /** llama.cpp's part; a collaborator, since only a runner's code may load llama.cpp. */
  quantize(options: {
    input: string;
    output: string;
    type: string;
    threads?: number;
    onProgress(fraction: number): void;
  }): Promise<{ llamaCpp: string }>;
}

/**
 * The hidden command that converts or quantizes: takes one job from the process at the other end of the IPC channel and tells how far it is.
 * Never resolves: that process ends it, so that its end never overtakes its last message; and it ends by itself when that process is gone.
 */
export const runJob = async (tools: JobTools): Promise<void> => {
  // Ctrl+C reaches the whole process group; whether the job ends is for the other process to say.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  // The hard way: a thread of llama.cpp's that is at work would bring down an orderly exit.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  if (!process.connected) throw new AppError("internal", "a conversion is started by a pull, not by hand");
  yieldToAnswers();
  const job = await nextJob();
  send(await outcomeOf(tools, job));
  await new Promise<never>(() => undefined);
};

const outcomeOf = async (tools: JobTools, job: ConversionJob): Promise<JobMessage> => {
  try {
    const result = job.type === "convert" ? await convert(job) : await quantize(tools, job);
    return { type: "done", result };
  } catch (error) {
    const { code, message } = isFull(error) ? noSpace(error) : toAppError(error);
    return { type: "failed", code, message };
  }
};

/** A conversion takes minutes and may; an answer beside it must not. */
const yieldToAnswers = (): void => {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // a sandbox that forbids it
  }
};

const nextJob = (): Promise<ConversionJob> =>
  new Promise((resolve, reject) => {
    process.once("message", (message: unknown) => {
      if (isConversionJob(message)) resolve(message);
      else reject(new AppError("internal", "the conversion's job has an unknown shape"));
    });
  });

const isFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

const noSpace = (error: unknown): AppError =>
  new AppError("disk_full", `no space left while converting (${toAppError(error).message}); free some and pull again`);

const convert = async ({
  target,
  type: _,
  ...job
}: Extract<ConversionJob, { type: "convert" }>): Promise<JobResult> => {
  const { convertModel } = await import("./convert-model.ts");
  await convertModel({ ...job, type: target, onProgress: tell });
  return {};
};

const quantize = async (
  tools: JobTools,
  { input, output, target, threads }: Extract<ConversionJob, { type: "quantize" }>,
): Promise<JobResult> =>
  await tools.quantize({
    input,
    output,
    type: target,
    ...(threads === undefined ? {} : { threads }),
    onProgress: (fraction) => tell(fraction, 1),
  });

const tell = (done: number, total: number): void => send({ type: "progress", done, total });

const send = (message: JobMessage): void => {
  if (process.connected) process.send?.(message);
};
