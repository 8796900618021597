import { realpathSync } from "node:fs";
import { systemClock } from "../core/clock.ts";
import type { Report } from "../upgrade/fetch-archive.ts";
import { releaseKeys } from "../upgrade/release-keys.ts";
import type { ReleaseSource } from "../upgrade/release-source.ts";
import type { CliContext } from "./context.ts";
import { createPullView } from "./ui/pull-view.ts";

/** Where releases come from, as the settings say. */
export const releaseSource = (context: CliContext, signal: AbortSignal): ReleaseSource => ({
  baseUrl: context.config().releasesUrl,
  keys: releaseKeys,
  clock: systemClock,
  signal,
});

/** The executable that runs, without links. */
export const runningExecutable = (): string => realpathSync(process.execPath);

/** Runs `work` and shows on stderr what it reports, as a pull is shown. */
export const withProgress = async <T>({ stderr }: CliContext, work: (report: Report) => Promise<T>): Promise<T> => {
  const view = createPullView(stderr, systemClock);
  let ok = false;
  try {
    const result = await work((progress) => view.take(progress));
    ok = true;
    return result;
  } finally {
    await view.end(ok);
  }
};
