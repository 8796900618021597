import { AppError } from "../core/errors.ts";

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs `action` with a signal that Ctrl+C, SIGTERM and SIGHUP abort; what it throws then becomes `cancelled`.
 * A second one ends the process at once, in case the action does not listen.
 */
export const interruptible = async <T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort(new AppError("cancelled", "cancelled"));
  };
  for (const name of names) process.on(name, interrupt);
  try {
    return await action(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new AppError("cancelled", "cancelled", { cause: error });
    throw error;
  } finally {
    for (const name of names) process.off(name, interrupt);
  }
};
