import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";

export interface HostMemory {
  /** What programs can still get without swapping: free memory and the file cache that can be dropped. */
  availableBytes: number;
  totalBytes: number;
}

/** The machine's memory, or that of the container around this process, whichever is smaller. `root` is `/` except in tests. */
export const hostMemory = (root = "/"): HostMemory => {
  const meminfo = read(`${root}proc/meminfo`);
  const availableBytes = kilobytes(meminfo, "MemAvailable") ?? freemem();
  const totalBytes = kilobytes(meminfo, "MemTotal") ?? totalmem();
  const limit = cgroupLimit(`${root}sys/fs/cgroup/`);
  if (limit === undefined || limit.bytes >= totalBytes) return { availableBytes, totalBytes };
  return { availableBytes: Math.min(availableBytes, Math.max(0, limit.bytes - limit.used)), totalBytes: limit.bytes };
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // no Linux, or no such limit
  }
};

const kilobytes = (meminfo: string, name: string): number | undefined => {
  const [, value] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo) ?? [];
  return value === undefined ? undefined : Number(value) * 1024;
};

/** Version 2 first, then 1. The file cache counts as used there, but can be dropped. */
const cgroupLimit = (folder: string): { bytes: number; used: number } | undefined => {
  for (const [limit, usage, stat, cached] of [
    ["memory.max", "memory.current", "memory.stat", "inactive_file"],
    ["memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"],
  ] as const) {
    const bytes = Number.parseInt(read(folder + limit), 10); // "max" is none
    if (Number.isNaN(bytes)) continue;
    const used = Number.parseInt(read(folder + usage), 10) || 0;
    const [, droppable = "0"] = new RegExp(`^${cached} (\\d+)`, "m").exec(read(folder + stat)) ?? [];
    return { bytes, used: Math.max(0, used - Number(droppable)) };
  }
  return undefined;
};
