import { join } from "node:path";

/** True inside a compiled executable, where modules live under a virtual root. */
export const isCompiled = /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/i.test(import.meta.path);

/** The command line that starts this program again with a hidden command such as `__runner`. */
export const hiddenCommand = (name: `__${string}`, ...args: string[]): string[] =>
  isCompiled
    ? [process.execPath, name, ...args]
    : [process.execPath, join(import.meta.dir, "../main.ts"), name, ...args];
