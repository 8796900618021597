import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreatedToken, RouterNodesResponse } from "../../src/api/router.ts";
import { startFixtureHub } from "../fixtures/serve.ts";
import { freePort } from "../free-port.ts";
import { executable as built, untilHealthy } from "./engine-peers.ts";

/** A server that can be killed, and is started again on its port with what it has on disk. */
export interface SoakServer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly home: string;
  /** Nobody else's work: kills this process alone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
}

export interface SoakWorld {
  dir: string;
  router: SoakServer;
  nodes: [SoakServer, SoakServer];
  /** Breaks every connection between the router and the first node. */
  cutConnections(): void;
  /** Processes of this world, by what `/proc` says of their executable; with `Z` where nobody has taken leave of them. */
  processes(): { pid: number; state: string; isRunner: boolean }[];
  /** Files below the folder that all processes have for what is temporary. */
  temporaryFiles(): string[];
  diskBytes(): number;
  stop(): Promise<void>;
}

const models = ["tiny-hello", "tiny-endless"].map((name) => `llmlb-test/${name}-GGUF`);

/** A router, two nodes that have joined it and have the models, and the Hub that these come from. */
export const openSoakWorld = async (): Promise<SoakWorld> => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-soak-"));
  const executable = join(dir, "llmlb");
  copyFileSync(built, executable); // a path of its own, by which its processes are known
  const hub = startFixtureHub();
  const temporary = join(dir, "tmp");
  mkdirSync(temporary);
  const shared = {
    TMPDIR: temporary,
    HF_ENDPOINT: hub.endpoint,
    LLMLB_CACHE: join(dir, "cache"),
    LLMLB_NUM_THREADS: "1",
  };
  const limits = { LLMLB_NUM_PARALLEL: "2", LLMLB_MAX_QUEUE: "8", LLMLB_MAX_LOADED_MODELS: "2" };
  const open = (name: string, commandOf: (port: number) => string[], env: Record<string, string> = {}) =>
    openServer({ name, home: join(dir, name), executable, commandOf, env: { ...shared, ...env } });
  const router = await open("router", (port) => ["router", "serve", "--port", String(port)]);
  const nodes: SoakServer[] = [];
  const front = await cuttingProxy();
  for (const name of ["node-a", "node-b"]) {
    const advertise = name === "node-a" ? ["--advertise", front.url] : [];
    const token = await joinToken(router.url);
    nodes.push(
      await open(name, (port) => ["node", "serve", "--port", String(port), "--router", router.url, ...advertise], {
        ...limits,
        LLMLB_JOIN_TOKEN: token,
      }),
    );
    if (name === "node-a") front.lead(nodes[0]?.url ?? "");
    await untilJoined(router.url, nodes.length);
  }
  for (const node of nodes) for (const model of models) await pull(node.url, model);
  return {
    ...{ dir, router, nodes: nodes as SoakWorld["nodes"], cutConnections: front.cut },
    processes: () => processesOf(executable),
    temporaryFiles: () => readdirSync(temporary, { recursive: true, encoding: "utf8" }),
    diskBytes: () => bytesBelow(dir),
    async stop() {
      for (const server of [...nodes, router]) await server.kill("SIGTERM");
      front.close();
      hub.stop();
    },
  };
};

export const removeSoakWorld = ({ dir }: SoakWorld): void => rmSync(dir, { recursive: true, force: true });

interface ServerOptions {
  name: string;
  home: string;
  executable: string;
  commandOf(port: number): string[];
  env: Record<string, string>;
}

const openServer = async ({ name, home, executable, commandOf, env }: ServerOptions): Promise<SoakServer> => {
  mkdirSync(home, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const spawn = () =>
    Bun.spawn([executable, ...commandOf(port)], {
      env: { PATH: process.env.PATH ?? "", HOME: home, LLMLB_MODELS: join(home, "models"), ...env },
      stdout: "ignore",
      stderr: Bun.file(join(home, "stderr.log")),
    });
  let child = spawn();
  // A node that joins is open before it has joined; it is asked by its own address.
  await untilHealthy(url);
  return {
    ...{ name, url, home },
    get pid() {
      return child.pid;
    },
    async kill(signal) {
      child.kill(signal);
      await child.exited;
    },
    async start() {
      child = spawn();
      await untilHealthy(url);
    },
  };
};

const joinToken = async (router: string): Promise<string> => {
  const response = await fetch(`${router}/api/router/tokens`, { method: "POST", body: "{}" });
  return ((await response.json()) as CreatedToken).token;
};

const untilJoined = async (router: string, count: number): Promise<void> => {
  for (;;) {
    const { nodes } = (await (await fetch(`${router}/api/router/nodes`)).json()) as RouterNodesResponse;
    if (nodes.filter(({ status }) => status === "online").length >= count) return;
    await Bun.sleep(50);
  }
};

export const pull = async (base: string, model: string): Promise<void> => {
  const body = JSON.stringify({ model, stream: false });
  const response = await fetch(`${base}/api/pull`, { method: "POST", body });
  if (!response.ok) throw new Error(`cannot pull ${model}: ${await response.text()}`);
  await response.body?.cancel();
};

/** Passes bytes on, and breaks off when it is told to. It listens before the server behind it is there. */
const cuttingProxy = async () => {
  let target = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = dial(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from
        .on("error", () => to.destroy())
        .on("close", () => {
          open.delete(from);
          to.destroy();
        });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    lead(url: string) {
      target = Number(new URL(url).port);
    },
    cut,
    close() {
      server.close();
      cut();
    },
  };
};

const processesOf = (executable: string) =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, state = ""] = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
        const isOurs = state === "Z" ? isChildOf(executable, pid) : readlinkSync(`/proc/${pid}/exe`) === executable;
        return isOurs
          ? [{ pid: Number(pid), state, isRunner: readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("__runner") }]
          : [];
      } catch {
        return []; // it has ended, or belongs to somebody else
      }
    });

/** A zombie has no executable any more, but a parent. */
const isChildOf = (executable: string, pid: string): boolean => {
  const [, parent] = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return readlinkSync(`/proc/${parent}/exe`) === executable;
};

const bytesBelow = (dir: string): number => {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0;
  return bytes * 512;
};
