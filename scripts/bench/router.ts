import { readFileSync } from "node:fs";
import { median } from "./median.ts";
import { sampleProcess } from "./process-sample.ts";
import { openStreams, request, streamDelays } from "./router-client.ts";
import { benchRouterMemory } from "./router-memory.ts";
import { type Peer, startNginx, startRouterOver, startUpstream } from "./router-peers.ts";

const rounds = 5;
const roundMs = 3_000;
const held = 1_000;

interface Measured {
  name: string;
  port: number;
  /** Absent: no process between. */
  pid?: number;
}

/** `--only memory`: how much the router holds over ten minutes, instead of the rest. */
export const benchRouter = async (only: string) =>
  only === "memory" ? await benchRouterMemory() : await benchBeside();

/** The router beside nginx and no proxy at all, in turns; a fake node in a process of its own. */
const benchBeside = async () => {
  const upstream = await startUpstream();
  const started: [name: string, peer: Peer][] = [["router", await startRouterOver([upstream])]];
  const nginx = await startNginx(upstream);
  if (nginx) started.unshift(["nginx", nginx]);
  const peers: Measured[] = [{ name: "direct", port: upstream.port }];
  for (const [name, { port, pid }] of started) peers.push({ name, port, pid });
  try {
    const rows = Object.fromEntries(peers.map(({ name }) => [name, [] as Awaited<ReturnType<typeof measure>>[]]));
    for (const peer of peers) await measure(peer); // compiles what is compiled while it runs
    for (let round = 0; round < rounds; round++) for (const peer of peers) rows[peer.name]?.push(await measure(peer));
    const memory: Record<string, object> = {};
    for (const peer of peers) if (peer.pid) memory[peer.name] = await memoryOf(peer, peer.pid);
    return { medians: Object.fromEntries(peers.map(({ name }) => [name, mediansOf(rows[name] ?? [])])), memory };
  } finally {
    for (const [, peer] of started) await peer.stop();
    await upstream.stop();
  }
};

const measure = async ({ port, pid }: Measured, ms = roundMs) => {
  const one = await load(port, 1, ms);
  const cpuMs = pid ? cpuOf(pid) : 0;
  const many = await load(port, 64, ms);
  const usedMs = pid ? cpuOf(pid) - cpuMs : 0;
  const delays = await streamDelays(port, { chunks: 100, everyMs: 5 }, 8);
  return {
    p50Ms: one.p50,
    p99Ms: one.p99,
    p50Ms64: many.p50,
    p99Ms64: many.p99,
    perSecond64: Math.round((many.count / ms) * 1000),
    ...(pid && { perCpuSecond: Math.round((many.count / usedMs) * 1000) }),
    chunkP50Ms: delays.p50,
    chunkP99Ms: delays.p99,
  };
};

const load = async (port: number, connections: number, ms: number) => {
  const times: number[] = [];
  const untilMs = performance.now() + ms;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      await using route = await request(port);
      while (performance.now() < untilMs) times.push(await route.ask());
    }),
  );
  times.sort((a, b) => a - b);
  return { count: times.length, p50: at(times, 0.5), p99: at(times, 0.99) };
};

const at = (sorted: readonly number[], share: number) => round3(sorted[Math.floor(sorted.length * share)] ?? 0);
const round3 = (value: number) => Math.round(value * 1000) / 1000;

/** Memory before and while so many streams are open. */
const memoryOf = async ({ port }: Measured, pid: number) => {
  const before = sampleProcess(pid, 0).memoryMB;
  const streams = await openStreams(port, held);
  const during = sampleProcess(pid, held);
  await streams.close();
  return { streams: held, beforeMB: before, duringMB: during.memoryMB, files: during.files };
};

const mediansOf = (rows: readonly Record<string, number>[]) =>
  Object.fromEntries(Object.keys(rows[0] ?? {}).map((key) => [key, round3(median(rows.map((row) => row[key] ?? 0)))]));

/** Processor milliseconds so far. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10; // ticks of 10 ms
};
