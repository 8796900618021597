import { createConsola } from "consola/core";
import type { Log } from "../../core/log.ts";
import type { Output } from "../output.ts";

const levels = { 0: 3, 1: 4, 2: 5 } as const; // consola's info, debug, trace

/** The log of `serve`: one plain line an event on `output`, `2026-08-21T10:00:00.000Z INFO listening on …`. */
export const createConsoleLog = (output: Output, debugLevel: 0 | 1 | 2): Log => {
  const logger = createConsola({
    level: levels[debugLevel],
    throttle: 0,
    reporters: [
      {
        log: ({ date, type, args }) => {
          // What a node or a client calls itself must not steer the terminal of whoever reads the log.
          const message = args
            .map(String)
            .join(" ")
            .replace(/[^\P{Cc}\n\t]/gu, "")
            .replace(/\n/g, "\n  ");
          // A log whose reader has gone must not end the server.
          void output
            .write(`${date.toISOString()} ${type.toUpperCase().padEnd(5)} ${message}\n`)
            .catch(() => undefined);
        },
      },
    ],
  });
  return {
    verbose: debugLevel > 0,
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
    debug: (message) => logger.debug(message),
    trace: (message) => logger.trace(message),
  };
};
