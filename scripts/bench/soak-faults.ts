import type { NodeReport } from "../../src/api/node.ts";
import { burst, type SoakRun } from "./soak-clients.ts";
import type { SoakWorld } from "./soak-world.ts";

type Fault = (world: SoakWorld, run: SoakRun) => Promise<unknown>;

/** What is done to the cluster. Those that end a server's process come in the first half only, so that its memory can be compared in the second. */
const faults: Readonly<Record<string, { act: Fault; endsServer?: true }>> = {
  "a runner is killed": { act: async ({ nodes }) => await killRunner(nodes[Math.random() < 0.5 ? 0 : 1].url) },
  "a node is killed and started again": { act: async ({ nodes: [, node] }) => await restart(node), endsServer: true },
  "the router is killed and started again": { act: async ({ router }) => await restart(router), endsServer: true },
  "connections to a node are cut": { act: async ({ cutConnections }) => cutConnections() },
  "damaged requests": {
    act: async (_world, { base }) => await Promise.all(damaged.map((bytes) => sendRaw(base, bytes))),
  },
  "more requests than places": { act: async (_world, run) => await burst(run) },
};

const pauseMs = 20_000;
/** How long a request may pay for a fault: nodes that are gone are noticed, started again, and have loaded. */
export const settleMs = 15_000;

export interface FaultOptions {
  halfMs: number;
  counts: Record<string, number>;
  /** Told before and after each. */
  onFault(): void;
}

/** One fault after the other, until the signal. */
export const disturb = async (
  world: SoakWorld,
  run: SoakRun,
  { halfMs, counts, onFault }: FaultOptions,
): Promise<void> => {
  const startMs = Date.now();
  for (let turn = 0; !run.signal.aborted; turn++) {
    const inFirstHalf = Date.now() - startMs < halfMs - settleMs;
    const possible = Object.entries(faults).filter(([, { endsServer }]) => inFirstHalf || !endsServer);
    const [name = "", fault] = possible[turn % possible.length] ?? [];
    onFault();
    await fault?.act(world, run);
    onFault();
    counts[name] = (counts[name] ?? 0) + 1;
    await Bun.sleep(pauseMs * (0.5 + Math.random()));
  }
};

const restart = async (server: {
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
}): Promise<void> => {
  await server.kill("SIGKILL");
  await server.start();
};

const killRunner = async (node: string): Promise<void> => {
  const { models } = (await (await fetch(`${node}/api/node`)).json()) as NodeReport;
  for (const { pid } of models.slice(0, 1)) process.kill(pid, "SIGKILL");
};

/** What breaks readers of HTTP, or keeps them waiting. */
const damaged = [
  "GET / HTTP/1.1\r\n",
  "POST /api/chat HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{",
  "POST /api/chat HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(200_000)}\r\n\r\n`,
  'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{"model":',
  "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
  "\0".repeat(1_000),
];

/** Sends bytes and goes away without a goodbye. */
const sendRaw = async (base: string, bytes: string): Promise<void> => {
  const { hostname, port } = new URL(base);
  const ended = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    ...{ hostname, port: Number(port) },
    socket: { data: () => undefined, close: () => ended.resolve(), error: () => ended.resolve() },
  }).catch(() => undefined);
  socket?.write(bytes);
  await Promise.race([ended.promise, Bun.sleep(500)]);
  socket?.terminate();
};
