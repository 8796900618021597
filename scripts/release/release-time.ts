import { runTool } from "../native/run-tool.ts";

/**
 * The time that everything in a release bears: `SOURCE_DATE_EPOCH` (seconds; reproducible-builds.org), otherwise that of the commit. Throws an
 * Error, for people to read, when it is no number or there is no commit.
 */
export const releaseTime = async (root: string, epoch = process.env.SOURCE_DATE_EPOCH): Promise<Date> => {
  const seconds = epoch || (await runTool("git", ["-C", root, "log", "-1", "--format=%ct"])).trim();
  if (!/^\d{1,11}$/.test(seconds)) throw new Error(`SOURCE_DATE_EPOCH: "${seconds}" is not a number of seconds`);
  return new Date(Number(seconds) * 1000);
};
