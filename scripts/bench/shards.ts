import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OllamaPullPlan } from "../../src/api/ollama.ts";
import { startHubFixture } from "../fixtures/hub.ts";
import { fileContent } from "../fixtures/hub-content.ts";
import { writeLargeCheckpoint } from "./write-large-checkpoint.ts";

export interface ShardsBench {
  weightsBytes: number;
  shards: number;
  /** `cp` of the weights to the same disk, with `sync`. */
  copySeconds: number;
  /** Over loopback, and at about a gigabit a second. */
  pulls: Record<"loopback" | "gigabit", PullRun>;
}

interface PullRun {
  seconds: number;
  /** What `--dry-run` says that the disk will hold at most, and what it did hold. */
  plannedBytes: number;
  peakBytes: number;
  /** Peak resident memory of the pull, and of the process that converts. */
  peakMB: number;
  converterMB: number;
}

const id = "bench/large";
const watchMs = 10;
/** For each request; a pull of large files has 16 under way. */
const gigabit = 125_000_000 / 16;

/** Pulls a sharded Llama of 4.2 GB in BF16 with the executable: its time, and what it takes of disk and memory. Linux only: it reads /proc. */
export const benchShards = async ({
  layers = 46,
  shards = 5,
  folder = tmpdir(),
  executable = join(import.meta.dir, "../../dist/llmlb"),
} = {}): Promise<ShardsBench> => {
  const dir = await mkdtemp(join(folder, "llmlb-bench-shards-"));
  try {
    const source = join(dir, "source");
    const weightsBytes = await writeLargeCheckpoint(source, { layers, shards });
    const copySeconds = await copy(source, join(dir, "copy"));
    await using server = await startServer(source);
    const pull = async (bytesPerSecond: number) => {
      await fetch(`${server.control}/${bytesPerSecond}`);
      return await timedPull(executable, server.endpoint, join(dir, "models"));
    };
    const pulls = { loopback: await pull(0), gigabit: await pull(gigabit) };
    return { weightsBytes, shards, copySeconds, pulls };
  } finally {
    await rm(dir, { recursive: true });
  }
};

const copy = async (source: string, target: string): Promise<number> => {
  const started = performance.now();
  const script = 'mkdir "$1" && cp "$0"/*.safetensors "$1" && sync "$1"/*';
  await Bun.spawn(["sh", "-c", script, source, target]).exited;
  const seconds = (performance.now() - started) / 1000;
  await rm(target, { recursive: true });
  return seconds;
};

/** In a process of its own: what it does is none of the pull's time but for the processor. */
const startServer = async (source: string) => {
  const child = Bun.spawn([process.execPath, import.meta.path, source], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  const [endpoint = "", control = ""] = new TextDecoder().decode(value).trim().split(" ");
  const end = async () => {
    child.kill();
    await child.exited;
  };
  return { endpoint, control, [Symbol.asyncDispose]: end };
};

const timedPull = async (executable: string, endpoint: string, models: string): Promise<PullRun> => {
  const store = join(models, "store"); // beside it the home folder gets the native libraries
  const env = { PATH: process.env.PATH, HOME: models, HF_ENDPOINT: endpoint, LLMLB_MODELS: store };
  const line = [executable, "node", "pull", `${id}:BF16`, "--local"];
  const plan = (await new Response(
    Bun.spawn([...line, "--dry-run", "--json"], { env }).stdout,
  ).json()) as OllamaPullPlan;
  const started = performance.now();
  const child = Bun.spawn(line, { env, stdout: "ignore", stderr: "ignore" });
  const peaks = { disk: 0, pull: 0, converter: 0 };
  const watching = setInterval(() => {
    peaks.disk = Math.max(peaks.disk, usedBytes(store));
    peaks.pull = Math.max(peaks.pull, peakMemoryMB(child.pid));
    for (const pid of convertersOf(child.pid)) peaks.converter = Math.max(peaks.converter, peakMemoryMB(pid));
  }, watchMs);
  const exitCode = await child.exited;
  clearInterval(watching);
  const seconds = (performance.now() - started) / 1000;
  if (exitCode !== 0) throw new Error(`the pull ended with exit code ${exitCode}`);
  await rm(models, { recursive: true });
  const plannedBytes = plan.conversion?.peak ?? 0;
  return { seconds, plannedBytes, peakBytes: peaks.disk, peakMB: peaks.pull, converterMB: peaks.converter };
};

/** Of the disk; what has two names counts once. */
const usedBytes = (dir: string): number => {
  const seen = new Map<number, number>();
  for (const { parentPath, name } of entriesOf(dir)) {
    const found = statSync(join(parentPath, name), { throwIfNoEntry: false });
    if (found?.isFile()) seen.set(found.ino, found.blocks * 512);
  }
  return [...seen.values()].reduce((sum, bytes) => sum + bytes, 0);
};

const entriesOf = (dir: string) => {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true });
  } catch {
    return []; // not there yet, or something of it went meanwhile
  }
};

const procText = (path: string): string => {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return ""; // it has ended
  }
};

/** Not before it is itself: until then a child shows its parent's memory. */
const convertersOf = (pid: number): number[] =>
  procText(`${pid}/task/${pid}/children`)
    .trim()
    .split(" ")
    .map(Number)
    .filter((child) => procText(`${child}/cmdline`).includes("__convert"));

const peakMemoryMB = (pid: number): number =>
  Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(procText(`${pid}/status`))?.[1] ?? 0) / 1024);

/** The Hub, and a second address at which its speed is set. */
const serve = async (source: string) => {
  const files = (await readdir(source)).map((path) => {
    const file = join(source, path);
    return { path, content: path.endsWith(".safetensors") ? fileContent(file) : readFileSync(file) };
  });
  const hub = startHubFixture({ repositories: [{ id, files }] });
  let slow: { remove(): void } | undefined;
  const control = Bun.serve({
    port: 0,
    fetch({ url }) {
      const bytesPerSecond = Number(new URL(url).pathname.slice(1));
      slow?.remove();
      slow = bytesPerSecond > 0 ? hub.inject({ on: "cdn", bytesPerSecond }) : undefined;
      return new Response();
    },
  });
  console.log(`${hub.endpoint} ${control.url.origin}`);
};

if (import.meta.main) await serve(process.argv[2] ?? "");
