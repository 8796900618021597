import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { createPuller } from "../../src/hub/puller.ts";
import { openStore } from "../../src/store/open-store.ts";
import { startHubFixture } from "../fixtures/hub.ts";
import { inMemory, syntheticModel } from "../fixtures/hub-content.ts";

/** Medians of all runs. */
export interface PullRun {
  seconds: number;
  /** Peak resident memory of the process. */
  peakMB: number;
  /** Processor time of the process, user and system. */
  cpuSeconds: number;
}

export interface PullBench {
  sizeBytes: number;
  runs: number;
  /** The whole pull: download, checksum, fsync, publication. */
  pull: PullRun;
  /** The part of it until the last byte arrived. */
  downloadSeconds: number;
  /** What others take; `curl` is one stream, neither checks what arrived. */
  peers: Record<string, PullRun | "not installed">;
  /** Median of a peer's time divided by the median of pull's; above 1 = pull is faster. */
  ratios: Record<string, number>;
}

const repository = { org: "bench", name: "synthetic-GGUF", file: "synthetic-Q8_0.gguf" };

/** Commands that bring `url` to `file`, one after the other. */
const peers: Record<string, (url: string, file: string) => string[][]> = {
  "curl -o": (url, file) => [["curl", "-sSfL", "-o", file, url]],
  "curl -o, sync": (url, file) => [
    ["curl", "-sSfL", "-o", file, url],
    ["sync", file],
  ],
  "aria2c -x8": (url, file) => [["aria2c", "-q", "-x8", "-s8", "-d", dirname(file), "-o", basename(file), url]],
  "aria2c -x8, sync": (url, file) => [
    ["aria2c", "-q", "-x8", "-s8", "-d", dirname(file), "-o", basename(file), url],
    ["sync", file],
  ],
  "curl -o, sha256sum, sync": (url, file) => [
    ["curl", "-sSfL", "-o", file, url],
    ["sha256sum", file],
    ["sync", file],
  ],
};

/**
 * Pulls a synthetic model over loopback beside curl and aria2c, taking turns, each in processes of its own; the server is another one,
 * which holds the file in memory. `folder` is where files go: the disk that is measured.
 */
export const benchPull = async ({
  sizeBytes = 2 * 1024 ** 3,
  runs = 5,
  folder = tmpdir(),
}: {
  sizeBytes?: number;
  runs?: number;
  folder?: string;
} = {}): Promise<PullBench> => {
  const server = Bun.spawn([process.execPath, import.meta.path, "serve", String(sizeBytes)], { stdout: "pipe" });
  const dir = mkdtempSync(join(folder, "llmlb-bench-pull-"));
  const found = Object.entries(peers).filter(([name]) => Bun.which(name.split(" ")[0] ?? ""));
  const measured = new Map<string, PullRun[]>();
  const note = (name: string, run: PullRun) => measured.set(name, [...(measured.get(name) ?? []), run]);
  const downloads: number[] = [];
  try {
    const endpoint = await firstLine(server.stdout);
    for (let run = 0; run < runs; run++) {
      for (const [name, commands] of found) note(name, await runPeer(commands, endpoint, join(dir, "peer")));
      const { total, downloadSeconds } = await runPull(endpoint, join(dir, "models"));
      note("pull", total);
      downloads.push(downloadSeconds);
    }
  } finally {
    server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
  return summary(sizeBytes, runs, measured, downloads);
};

const summary = (
  sizeBytes: number,
  runs: number,
  measured: ReadonlyMap<string, PullRun[]>,
  downloads: number[],
): PullBench => {
  const medians = (name: string): PullRun | undefined => {
    const all = measured.get(name);
    if (!all) return undefined;
    const of = (key: keyof PullRun) => median(all.map((run) => run[key]));
    return { seconds: of("seconds"), peakMB: of("peakMB"), cpuSeconds: of("cpuSeconds") };
  };
  const pull = medians("pull") ?? { seconds: 0, peakMB: 0, cpuSeconds: 0 };
  const rows = Object.keys(peers).map((name) => [name, medians(name) ?? "not installed"] as const);
  const ratios = rows.flatMap(([name, run]) => (typeof run === "string" ? [] : [[name, run.seconds / pull.seconds]]));
  return {
    sizeBytes,
    runs,
    pull,
    downloadSeconds: median(downloads),
    peers: Object.fromEntries(rows),
    ratios: Object.fromEntries(ratios),
  };
};

const runPeer = async (
  commands: (url: string, file: string) => string[][],
  endpoint: string,
  file: string,
): Promise<PullRun> => {
  const url = `${endpoint}/${repository.org}/${repository.name}/resolve/main/${repository.file}`;
  const sum: PullRun = { seconds: 0, peakMB: 0, cpuSeconds: 0 };
  for (const command of commands(url, file)) {
    const { run } = await timed(command);
    sum.seconds += run.seconds;
    sum.cpuSeconds += run.cpuSeconds;
    sum.peakMB = Math.max(sum.peakMB, run.peakMB);
  }
  rmSync(file);
  return sum;
};

const runPull = async (endpoint: string, models: string): Promise<{ total: PullRun; downloadSeconds: number }> => {
  const { run, output } = await timed([process.execPath, import.meta.path, "pull", endpoint, models]);
  rmSync(models, { recursive: true });
  return { total: run, downloadSeconds: Number(output) };
};

const timed = async (command: string[]): Promise<{ run: PullRun; output: string }> => {
  const startedMs = performance.now();
  const child = Bun.spawn(command, { stdout: "pipe" });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]} ended with exit code ${child.exitCode}`);
  const seconds = (performance.now() - startedMs) / 1000;
  const { maxRSS = 0, cpuTime } = child.resourceUsage() ?? {};
  return { run: { seconds, peakMB: maxRSS / 1e6, cpuSeconds: Number(cpuTime?.total ?? 0) / 1e6 }, output };
};

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const firstLine = async (stream: ReadableStream<Uint8Array>): Promise<string> => {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
};

const serve = (sizeBytes: number) => {
  const { org, name, file } = repository;
  const files = [{ path: file, content: inMemory(syntheticModel(sizeBytes)) }];
  console.log(startHubFixture({ repositories: [{ id: `${org}/${name}`, files }] }).endpoint);
};

const pull = async (endpoint: string, models: string) => {
  const startedMs = performance.now();
  const store = openStore(models);
  const settings = { endpoint, offline: false };
  const converter = { run: () => Promise.reject(new Error("nothing is converted here")) };
  const puller = createPuller({ store, settings, converter, clock: systemClock, log: silentLog });
  let seconds = 0;
  await puller.pull(
    { kind: "hub", org: repository.org, name: repository.name },
    {
      onProgress({ status }) {
        if (status.startsWith("verifying")) seconds = (performance.now() - startedMs) / 1000;
      },
    },
  );
  console.log(seconds);
};

if (import.meta.main) {
  const [mode, first = "", second = ""] = process.argv.slice(2);
  if (mode === "serve") serve(Number(first));
  else if (mode === "pull") await pull(first, second);
  else console.log(JSON.stringify(await benchPull(), null, 2));
}
