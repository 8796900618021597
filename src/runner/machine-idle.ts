import { readFileSync } from "node:fs";
import { cpus } from "node:os";

const ticksPerSecond = 100; // USER_HZ, the same on every Linux

/** Time that all cores of the machine together have been idle, in milliseconds since some beginning; undefined where nobody tells. */
export const machineIdleMs = (): number | undefined => {
  if (process.platform === "linux") return idleOf(read("/proc/stat"));
  const idle = cpus().reduce((sum, { times }) => sum + times.idle, 0);
  return idle > 0 ? idle : undefined;
};

/** The first line of /proc/stat: "cpu user nice system idle iowait ..." */
export const idleOf = (stat: string): number | undefined => {
  const [name, , , , idle, iowait] = stat.slice(0, stat.indexOf("\n")).split(/ +/);
  if (name !== "cpu" || idle === undefined) return undefined;
  return ((Number(idle) + Number(iowait ?? 0)) * 1000) / ticksPerSecond;
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
