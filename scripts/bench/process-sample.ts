import { readdirSync, readFileSync } from "node:fs";

/** What could leak, after so many rounds; of the node, and of its one runner where there is one. */
export interface Sample {
  after: number;
  files: number;
  threads: number;
  memoryMB: number;
  runners: number;
  runnerMemoryMB?: number;
  runnerFiles?: number;
}

/** Linux only: it reads /proc. */
export const sampleProcess = (pid: number, after: number): Sample => {
  const runners = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  const [runner] = runners;
  return {
    after,
    files: filesOf(pid),
    threads: numberOf(pid, "Threads"),
    memoryMB: memoryOf(pid),
    runners: runners.length,
    ...(runner && { runnerMemoryMB: memoryOf(runner), runnerFiles: filesOf(runner) }),
  };
};

const filesOf = (pid: number | string) => readdirSync(`/proc/${pid}/fd`).length;

const memoryOf = (pid: number | string) => Math.round(numberOf(pid, "VmRSS") / 1024);

const numberOf = (pid: number | string, name: string): number => {
  const [, value] = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(value);
};
