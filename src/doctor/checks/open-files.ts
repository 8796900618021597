import { readFile } from "node:fs/promises";
import { type Found, ok, warning } from "../finding.ts";

/** A connection is one, a proxied stream two; below this a busy router runs out. */
const enough = 4096;

/** Linux tells it in a file; elsewhere nothing is said. */
export const checkOpenFiles = async (): Promise<Found[]> => {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  return soft === undefined ? [] : [describeLimit(soft)];
};

/** `soft` as Linux writes it: a number, or `unlimited`. */
export const describeLimit = (soft: string): Found => {
  const text = `at most ${soft} open files and connections`;
  return soft === "unlimited" || Number(soft) >= enough
    ? ok(text)
    : warning(text, `raise it for a router: "ulimit -n ${enough}", or LimitNOFILE in its systemd unit`);
};
