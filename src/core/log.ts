/** What every part logs through; `cli/commands/serve` gives it consola. Secrets never go in. */
export interface Log {
  /** Somebody reads `debug`: what comes with every request is not put into words for nobody. */
  readonly verbose?: boolean;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  debug(message: string): void;
  trace(message: string): void;
}

const nothing = () => undefined;

export const silentLog: Log = { info: nothing, warn: nothing, error: nothing, debug: nothing, trace: nothing };
