import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { median } from "./median.ts";
import { sampleProcess } from "./process-sample.ts";
import { openStreams, request, streamDelays } from "./router-client.ts";

const rounds = 5;
const roundMs = 3_000;
const held = 1_000;
const nginx = "/usr/sbin/nginx"; // Debian's package nginx-light

interface Peer {
  name: "direct" | "nginx" | "router";
  port: number;
  /** Absent: no process of its own. */
  pid?: number;
  stop(): Promise<void>;
}

/** The way through the router beside nginx and no proxy at all, in turns; a fake node in a process of its own. */
export const benchRouter = async () => {
  const upstream = await launch("router-upstream.ts");
  const peers: Peer[] = [{ name: "direct", port: upstream.port, stop: async () => undefined }];
  if (existsSync(nginx)) peers.push(await startNginx(upstream.port));
  peers.push({ name: "router", ...(await launch("router-process.ts", `http://127.0.0.1:${upstream.port}`)) });
  try {
    const rows = Object.fromEntries(peers.map(({ name }) => [name, [] as Awaited<ReturnType<typeof measure>>[]]));
    for (const peer of peers) await measure(peer, 500); // compiles what is compiled while it runs
    for (let round = 0; round < rounds; round++) for (const peer of peers) rows[peer.name]?.push(await measure(peer));
    const memory: Record<string, object> = {};
    for (const peer of peers) if (peer.pid) memory[peer.name] = await memoryOf(peer, peer.pid);
    return { medians: Object.fromEntries(peers.map(({ name }) => [name, mediansOf(rows[name] ?? [])])), memory };
  } finally {
    for (const peer of peers) await peer.stop();
    await upstream.stop();
  }
};

const measure = async ({ port, pid }: Peer, ms = roundMs) => {
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
const memoryOf = async ({ port }: Peer, pid: number) => {
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

const launch = async (script: string, ...args: string[]) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), ...args], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const port = Number(/ready (\d+)/.exec(new TextDecoder().decode(value))?.[1]);
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  return { port, pid: child.pid, stop };
};

const startNginx = async (upstreamPort: number): Promise<Peer> => {
  const folder = mkdtempSync(join(tmpdir(), "llmlb-nginx-"));
  mkdirSync(join(folder, "temp"));
  const port = await freePort();
  await Bun.write(join(folder, "nginx.conf"), configOf(folder, port, upstreamPort));
  const child = Bun.spawn([nginx, "-p", folder, "-c", join(folder, "nginx.conf")], { stderr: "ignore" });
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" }).then(
        () => true,
        () => false,
      )
    )
      break;
    await Bun.sleep(20);
  }
  const stop = async () => {
    child.kill();
    await child.exited;
    rmSync(folder, { recursive: true });
  };
  return { name: "nginx", port, pid: child.pid, stop };
};

/** One process, connections to the node kept, nothing buffered: what is told of nginx before language models. */
const configOf = (folder: string, port: number, upstreamPort: number) => `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/temp/${name};`).join(" ")}
  upstream node { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} backlog=2048;
    location / {
      proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s;
    }
  }
}
`;
