import { isCompiled } from "./hidden-command.ts";

/**
 * Where the code of a worker thread is, for `new Worker`; `module` is its path below src without extension. Absolute, so that nothing
 * is looked up where the user stands. `build.ts` makes every worker an entry point of the executable.
 */
export const workerFile = (module: string): URL =>
  isCompiled ? new URL(`./${module}.js`, import.meta.url) : new URL(`../${module}.ts`, import.meta.url);
