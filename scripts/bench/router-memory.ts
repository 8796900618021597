import { readFileSync } from "node:fs";
import { sampleProcess } from "./process-sample.ts";
import { type Peer, startRouterOver, startUpstream } from "./router-peers.ts";

const seconds = Number(process.env.ROUTER_MEMORY_S ?? 600);
const everySeconds = 10;
const pauseMs = 20; // the machine is to have time for others

interface MemorySample {
  second: number;
  memoryMB: number;
  /** Of that, what is no file's. */
  privateMB: number;
  files: number;
  requests: number;
}

/** What one client does, again and again; each answers how many requests that were. */
const clients: Record<string, { count: number; act(base: string, turn: number): Promise<unknown> }> = {
  "short answers": { count: 8, act: async (base, turn) => (await ask(base, {}, turn)).bytes() },
  streams: {
    count: 16,
    act: async (base, turn) => (await ask(base, { stream: { chunks: 50, everyMs: 20 } }, turn)).bytes(),
  },
  "clients that go away": {
    count: 4,
    async act(base, turn) {
      const leave = new AbortController();
      const { body } = await ask(base, { stream: { chunks: 1_000, everyMs: 20 } }, turn, leave.signal);
      await body?.getReader().read();
      leave.abort();
    },
  },
  "clients that go away before a byte": {
    count: 1,
    async act(base, turn) {
      await ask(base, { stream: { chunks: 1_000, everyMs: 20 } }, turn, AbortSignal.timeout(1)).catch(() => undefined);
    },
  },
  "nodes that fail": {
    count: 1,
    act: async (base, turn) => (await ask(base, { fault: turn % 10 === 0 }, turn)).bytes(),
  },
};

/** Chats that share beginnings, so that the choice has something to remember. */
const ask = (base: string, more: object, turn: number, signal?: AbortSignal) =>
  fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "m",
      messages: [{ role: "user", content: `${turn % 50} `.repeat(1_000) + turn }],
      ...more,
    }),
    ...(signal && { signal }),
  });

/** A mixed load on a router over two nodes for ten minutes (`ROUTER_MEMORY_S`), and what its process holds meanwhile. */
export const benchRouterMemory = async () => {
  const nodes = [await startUpstream(), await startUpstream()];
  const router = await startRouterOver(nodes);
  let over = false;
  let requests = 0;
  const failures: string[] = [];
  const work = Object.values(clients).flatMap(({ count, act }) =>
    Array.from({ length: count }, async (_, index) => {
      for (let turn = index * 1_000_000; !over; turn++) {
        await act(`http://127.0.0.1:${router.port}`, turn).catch((error) => failures.push(String(error)));
        requests++;
        await Bun.sleep(pauseMs);
      }
    }),
  );
  const samples: MemorySample[] = [];
  try {
    for (let second = 0; second <= seconds; second += everySeconds) {
      samples.push(sampleOf(router, second, requests));
      console.error(JSON.stringify(samples.at(-1)));
      if (second < seconds) await Bun.sleep(everySeconds * 1_000);
    }
    over = true;
    await Promise.all(work);
  } finally {
    over = true;
    for (const peer of [router, ...nodes]) await peer.stop();
  }
  const half = samples.slice(samples.length >> 1);
  const growth = { memory: slope(half, "memoryMB"), private: slope(half, "privateMB"), files: slope(half, "files") };
  return { samples, perMinuteInSecondHalf: growth, failures: failures.length, firstFailure: failures[0] };
};

const sampleOf = ({ pid }: Peer, second: number, requests: number): MemorySample => {
  const { memoryMB, files } = sampleProcess(pid, second);
  const [, kB] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return { second, memoryMB, privateMB: Math.round(Number(kB) / 1024), files, requests };
};

/** By least squares, for a minute. */
const slope = (samples: readonly MemorySample[], field: "memoryMB" | "privateMB" | "files"): number => {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ second }) => second)), mean(samples.map((sample) => sample[field]))];
  const along = samples.reduce((sum, sample) => sum + (sample.second - x) * (sample[field] - y), 0);
  const across = samples.reduce((sum, { second }) => sum + (second - x) ** 2, 0);
  return Number(((along / across) * 60).toFixed(2));
};
