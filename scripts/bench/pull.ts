import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { createPuller } from "../../src/hub/puller.ts";
import { openStore } from "../../src/store/open-store.ts";
import { startHubFixture } from "../fixtures/hub.ts";
import { syntheticModel } from "../fixtures/hub-content.ts";

export interface PullRun {
  seconds: number;
  /** Peak resident memory of the process. */
  peakBytes: number;
}

export interface PullBench {
  sizeBytes: number;
  /** The whole pull: download, checksum, fsync, publication. */
  pull: PullRun[];
  /** The part of it until the last byte arrived. */
  download: { seconds: number }[];
  /** `curl -o`: no checksum, nothing synced to the disk. */
  curl: PullRun[];
  /** `curl -o` and then `sync` of the file. */
  curlAndSync: PullRun[];
  /** Median of curl's time divided by the median of pull's; above 1 = pull is faster. */
  ratio: number;
  ratioWithSync: number;
}

const repository = { org: "bench", name: "synthetic-GGUF", file: "synthetic-Q8_0.gguf" };

/**
 * Pulls a synthetic model over loopback beside `curl -o`, taking turns, each in a process of its own; the server is another one.
 * `folder` is where files go: the disk that is measured.
 */
export const benchPull = async ({
  sizeBytes = 2 * 1024 ** 3,
  runs = 3,
  folder = tmpdir(),
}: {
  sizeBytes?: number;
  runs?: number;
  folder?: string;
} = {}): Promise<PullBench> => {
  const server = Bun.spawn([process.execPath, import.meta.path, "serve", String(sizeBytes)], { stdout: "pipe" });
  const dir = mkdtempSync(join(folder, "llmlb-bench-pull-"));
  try {
    const endpoint = await firstLine(server.stdout);
    const bench: PullBench = {
      sizeBytes,
      pull: [],
      download: [],
      curl: [],
      curlAndSync: [],
      ratio: 0,
      ratioWithSync: 0,
    };
    for (let run = 0; run < runs; run++) {
      await runCurl(endpoint, join(dir, `curl-${run}`), bench);
      await runPull(endpoint, join(dir, `models-${run}`), bench);
    }
    bench.ratio = median(bench.curl) / median(bench.pull);
    bench.ratioWithSync = median(bench.curlAndSync) / median(bench.pull);
    return bench;
  } finally {
    server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
};

const runCurl = async (endpoint: string, file: string, bench: PullBench) => {
  const url = `${endpoint}/${repository.org}/${repository.name}/resolve/main/${repository.file}`;
  const startedMs = performance.now();
  const plain = await timed(["curl", "-sSfL", "-o", file, url]);
  bench.curl.push(plain.run);
  await timed(["sync", file]);
  bench.curlAndSync.push({ ...plain.run, seconds: (performance.now() - startedMs) / 1000 });
  rmSync(file);
};

const runPull = async (endpoint: string, models: string, bench: PullBench) => {
  const { run, output } = await timed([process.execPath, import.meta.path, "pull", endpoint, models]);
  bench.pull.push(run);
  bench.download.push({ seconds: Number(output) });
  rmSync(models, { recursive: true });
};

const timed = async (command: string[]): Promise<{ run: PullRun; output: string }> => {
  const startedMs = performance.now();
  const child = Bun.spawn(command, { stdout: "pipe" });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]} ended with exit code ${child.exitCode}`);
  const seconds = (performance.now() - startedMs) / 1000;
  return { run: { seconds, peakBytes: child.resourceUsage()?.maxRSS ?? 0 }, output };
};

const median = (runs: { seconds: number }[]): number => {
  const sorted = runs.map(({ seconds }) => seconds).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

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
  const files = [{ path: file, content: syntheticModel(sizeBytes) }];
  console.log(startHubFixture({ repositories: [{ id: `${org}/${name}`, files }] }).endpoint);
};

const pull = async (endpoint: string, models: string) => {
  const startedMs = performance.now();
  const store = openStore(models);
  const puller = createPuller({ store, settings: { endpoint, offline: false }, clock: systemClock, log: silentLog });
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
