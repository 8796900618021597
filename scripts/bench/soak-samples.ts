import { readdirSync, readFileSync } from "node:fs";
import type { SoakWorld } from "./soak-world.ts";

/** How the processes of a soak are at a moment. */
export interface SoakSample {
  seconds: number;
  /** By name of the server; of a process that is just being started again nothing is known. */
  servers: Record<string, { pid: number; memoryMB: number; files: number; threads: number }>;
  runners: number;
  runnersMemoryMB: number;
  zombies: number;
  temporaryFiles: number;
  diskMB: number;
}

/** Linux only: it reads /proc. */
export const sampleWorld = (world: SoakWorld, seconds: number): SoakSample => {
  const processes = world.processes();
  const runners = processes.filter(({ isRunner, state }) => isRunner && state !== "Z");
  const servers = [world.router, ...world.nodes].flatMap(({ name, pid }) => {
    const found = processOf(pid);
    return found ? [[name, { pid, ...found }] as const] : [];
  });
  return {
    seconds: Math.round(seconds),
    servers: Object.fromEntries(servers),
    runners: runners.length,
    runnersMemoryMB: runners.reduce((sum, { pid }) => sum + (processOf(pid)?.memoryMB ?? 0), 0),
    zombies: processes.filter(({ state }) => state === "Z").length,
    temporaryFiles: world.temporaryFiles().length,
    diskMB: Math.round(world.diskBytes() / 1e6),
  };
};

const processOf = (pid: number) => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const numberOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    const files = readdirSync(`/proc/${pid}/fd`).length;
    return { memoryMB: Math.round(numberOf("VmRSS") / 1024), files, threads: numberOf("Threads") };
  } catch {
    return undefined;
  }
};

/** What one measure of one server did in the second half. */
export interface Trend {
  from: number;
  to: number;
  most: number;
  /** Of the line through all of them, over the whole half. */
  growth: number;
}

type Measure = "memoryMB" | "files" | "threads";

/** Undefined where the server's process is not the same throughout, or there are too few samples to tell. */
export const trendOf = (samples: readonly SoakSample[], name: string, measure: Measure): Trend | undefined => {
  const points = samples.flatMap(({ seconds, servers }) => {
    const server = servers[name];
    return server ? [{ x: seconds, y: server[measure], pid: server.pid }] : [];
  });
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last || points.length < 6 || points.some(({ pid }) => pid !== first.pid)) return undefined;
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const slope =
    points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) /
    points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const growth = Math.round(slope * (last.x - first.x) * 10) / 10;
  return { from: first.y, to: last.y, most: Math.max(...points.map(({ y }) => y)), growth };
};

/** How much a line may rise over half of a soak before it is no line of what goes up and down (garbage collection, kept connections). */
const growthMax: Readonly<Record<Measure, (trend: Trend) => number>> = {
  memoryMB: ({ from }) => Math.max(24, from * 0.2),
  files: () => 12,
  threads: () => 3,
};

/** What is wrong with the second half, a line each; none = nothing leaks. */
export const complaintsOf = (samples: readonly SoakSample[], names: readonly string[]): string[] => {
  const half = samples.slice(Math.floor(samples.length / 2));
  return names.flatMap((name) =>
    (["memoryMB", "files", "threads"] as const).flatMap((measure) => {
      const trend = trendOf(half, name, measure);
      if (!trend) return [`${name}: its process was not the same for the whole second half`];
      return trend.growth > growthMax[measure](trend) ? [`${name}: ${measure} grew by ${trend.growth}`] : [];
    }),
  );
};
