import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Cores that this process may compute on: `mathCores` (the physical ones, without efficiency cores), what the affinity mask lets it use, and
 * what its container's quota pays for, whichever is least. `root` is `/` except in tests.
 */
export const usableCores = (mathCores: number, root = "/", allowed = availableParallelism()): number => {
  const quota = cpuQuota(`${root}sys/fs/cgroup/`);
  return Math.max(1, Math.floor(Math.min(mathCores, allowed, quota)));
};

/** Cores' worth of time in a period; version 2 of cgroups first, then 1. */
const cpuQuota = (folder: string): number => {
  const [quota = "max", period = ""] = read(`${folder}cpu.max`).split(" ");
  if (quota !== "max" && quota !== "") return Number(quota) / Number(period);
  const [oldQuota, oldPeriod] = ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"].map((name) =>
    Number(read(folder + name)),
  );
  return oldQuota && oldPeriod && oldQuota > 0 ? oldQuota / oldPeriod : Number.POSITIVE_INFINITY;
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // no Linux, or no such limit
  }
};
