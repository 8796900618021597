import type { Environment } from "../config/config.ts";
import { toAppError } from "../core/errors.ts";
import { isBrokenPipe, type Output } from "./output.ts";
import { printable } from "./ui/printable.ts";

/** 0, 1 or 2. A reader that went away, as `head` does, is no failure. */
export const exitCodeOf = (thrown: unknown): number => (isBrokenPipe(thrown) ? 0 : toAppError(thrown).exitCode);

/** One line on stderr. After Ctrl+C only the line end that the terminal lacks; with LLMLB_DEBUG the stack too. */
export const reportError = async (thrown: unknown, stderr: Output, env: Environment): Promise<void> => {
  if (isBrokenPipe(thrown)) return;
  const error = toAppError(thrown);
  const stack = wantsStack(env) ? `${stackOf(error)}\n` : "";
  const line = error.code === "cancelled" ? "\n" : errorLine(error);
  await stderr.write(line + stack).catch(() => undefined); // with stderr gone there is nobody left to tell
};

/** `Error: MESSAGE` and a line end. */
export const errorLine = (thrown: unknown): string => `Error: ${printable(toAppError(thrown).message)}\n`;

const stackOf = (error: Error): string => {
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : "";
  return `${error.stack ?? error.message}${cause}`;
};

const wantsStack = (env: Environment): boolean =>
  !["", "0", "false", "off", "no"].includes((env.LLMLB_DEBUG ?? "").trim().toLowerCase());
