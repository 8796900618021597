import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RouterNodesResponse } from "../../src/api/router.ts";
import { buildModel } from "../fixtures/models.ts";
import { freePort } from "../free-port.ts";
import { executable, homeWith, untilHealthy } from "./engine-peers.ts";
import { canMakeNetworks, createNetwork, type Machine, type Network } from "./network.ts";

/** What became of the requests while something happened to the cluster. */
export interface ClusterRow {
  answered: number;
  /** Told that the cluster is busy. */
  refused: number;
  /** Ended without a byte of an answer, after somebody had taken it. */
  lostBefore: number;
  /** Nobody listened: only while the router itself is away. */
  unheard: number;
  /** Broken after their first byte, which nobody can take back. */
  brokenAfter: number;
  slowestFirstByteMs: number;
}

interface Server {
  url: string;
  child: Bun.Subprocess;
  /** Where it runs, when the cluster has a network of its own. */
  machine: Machine | undefined;
  start(): Promise<void>;
}

interface Place {
  host: string;
  port: number;
}

export interface ClusterOptions {
  /** Text in the names of what happens; empty = all. */
  only: string;
  /** Each server in a network namespace of its own, which can be cut off. */
  netns: boolean;
  /** How long the clients go on after what happened. */
  afterMs?: number;
}

const model = "bench/model";
const clients = 12;
const afterMsByDefault = Number(process.env.CLUSTER_MS ?? 8000);

/** A server that can be killed and started again on its port. */
const serverOf = async (
  network: Network | undefined,
  commandOf: (place: Place) => string[],
  env: Record<string, string>,
): Promise<Server> => {
  const machine = await network?.machine();
  const place = { host: machine?.address ?? "127.0.0.1", port: await freePort() };
  const command = commandOf(place);
  const spawn = () =>
    Bun.spawn(machine?.inside(command) ?? command, {
      env: { PATH: process.env.PATH ?? "", ...env },
      stdout: "ignore",
      stderr: "ignore",
    });
  const server: Server = {
    url: `http://${place.host}:${place.port}`,
    machine,
    child: spawn(),
    async start() {
      await server.child.exited; // it has its port, and a router its database, until then
      server.child = spawn();
      await untilAnswers(server.url);
    },
  };
  await untilAnswers(server.url);
  return server;
};

const questionMs = 2_000; // one that fell into a cut is asked again

const untilAnswers = async (url: string): Promise<void> => {
  while (
    !(await fetch(url, { keepalive: false, signal: AbortSignal.timeout(questionMs) }).then(
      () => true,
      () => false,
    ))
  )
    await Bun.sleep(20);
};

const ask = async (router: string, row: ClusterRow): Promise<void> => {
  const startMs = performance.now();
  let bytes = 0;
  try {
    const response = await fetch(`${router}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true, max_tokens: 20, messages: [{ role: "user", content: "Count." }] }),
      keepalive: false,
    });
    if (!response.ok || !response.body) {
      row[response.status === 503 || response.status === 429 ? "refused" : "lostBefore"]++;
      return;
    }
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      if (bytes === 0) row.slowestFirstByteMs = Math.max(row.slowestFirstByteMs, performance.now() - startMs);
      bytes += chunk.length;
      text += chunk;
    }
    row[text.includes("data: [DONE]") ? "answered" : "brokenAfter"]++;
  } catch (error) {
    const isUnheard = (error as { code?: string }).code === "ECONNREFUSED";
    row[isUnheard ? "unheard" : bytes > 0 ? "brokenAfter" : "lostBefore"]++;
    await Bun.sleep(50); // the router itself is away
  }
};

/** Twelve clients ask all the time while `disturb` does what it does. */
const underLoad = async (router: string, disturb: () => Promise<void>, afterMs: number): Promise<ClusterRow> => {
  const row: ClusterRow = { answered: 0, refused: 0, lostBefore: 0, unheard: 0, brokenAfter: 0, slowestFirstByteMs: 0 };
  let over = false;
  const asking = Array.from({ length: clients }, async () => {
    while (!over) await ask(router, row);
  });
  await Bun.sleep(1000);
  await disturb();
  await Bun.sleep(afterMs);
  over = true;
  await Promise.all(asking);
  return { ...row, slowestFirstByteMs: Math.round(row.slowestFirstByteMs) };
};

const nodesOf = async (router: string) => {
  const answer = await fetch(`${router}/api/router/nodes`, {
    keepalive: false,
    signal: AbortSignal.timeout(questionMs),
  });
  return ((await answer.json()) as RouterNodesResponse).nodes;
};

const post = async (url: string, body: object) => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), keepalive: false });
  if (!response.ok) throw new Error(`${url}: ${await response.text()}`);
};

const onlineAgain = async (router: string, count: number): Promise<void> => {
  const online = async () => (await nodesOf(router).catch(() => [])).filter(({ status }) => status === "online").length;
  while ((await online()) < count) await Bun.sleep(200);
};

const kill = (server: Server) => void server.child.kill("SIGKILL");

type Servers = Record<"router" | "own" | "ollama" | "vllm", Server>;
type Scenarios = Record<string, () => Promise<void>>;

const scenariosOf = async (servers: Servers): Promise<Scenarios> => {
  const { router, own, ollama, vllm } = servers;
  const idOf = async ({ url }: Server) => (await nodesOf(router.url)).find((node) => node.url === url)?.id;
  return {
    "nothing happens": async () => undefined,
    "kill -9 of llmlb's node, and its return": async () => {
      kill(own);
      await Bun.sleep(2000);
      await own.start();
    },
    "kill -9 of Ollama, and its return": async () => {
      kill(ollama);
      await Bun.sleep(2000);
      await ollama.start();
    },
    "vLLM flaps: five kills, a second apart": async () => {
      for (let round = 0; round < 5; round++) {
        kill(vllm);
        await Bun.sleep(500);
        await vllm.start();
        await Bun.sleep(500);
      }
    },
    "Ollama is drained and taken back": async () => {
      const id = await idOf(ollama);
      await post(`${router.url}/api/router/nodes/${id}/drain`, { drain: true });
      await Bun.sleep(3000);
      await post(`${router.url}/api/router/nodes/${id}/drain`, { drain: false });
    },
    "vLLM falls silent for 20 s (SIGSTOP)": async () => {
      vllm.child.kill("SIGSTOP");
      await Bun.sleep(20_000);
      vllm.child.kill("SIGCONT");
    },
    "kill -9 of the router, and its return": async () => {
      kill(router);
      await router.start();
    },
    ...(router.machine && cutsOf(servers)),
    ...((await ollama.machine?.slow(0)) && { "packets from Ollama are 200 ms late for 10 s": lateBy(200, ollama) }),
  };
};

const cutMs = 15_000;

/** What only a network does: nobody hears that somebody is gone, and he is still there. */
const cutsOf = ({ router, own, ollama, vllm }: Servers): Scenarios => {
  const cut =
    (...some: Server[]) =>
    async () => {
      await Promise.all(some.map(({ machine }) => machine?.plug(false)));
      await Bun.sleep(cutMs);
      await Promise.all(some.map(({ machine }) => machine?.plug(true)));
    };
  return {
    "llmlb's node is cut off for 15 s": cut(own),
    "vLLM is cut off for 15 s": cut(vllm),
    "two of three are cut off for 15 s": cut(own, ollama),
    "vLLM's cable is loose: five cuts of 1 s": async () => {
      for (let round = 0; round < 5; round++) {
        await vllm.machine?.plug(false);
        await Bun.sleep(1000);
        await vllm.machine?.plug(true);
        await Bun.sleep(1000);
      }
    },
    "the router is cut off for 5 s": async () => {
      await router.machine?.plug(false);
      await Bun.sleep(5000);
      await router.machine?.plug(true);
    },
  };
};

const lateBy =
  (delayMs: number, { machine }: Server) =>
  async () => {
    await machine?.slow(delayMs);
    await Bun.sleep(10_000);
    await machine?.slow(0);
  };

/** One router, a node of ours, one that looks like Ollama and one that looks like vLLM; things happen to them under load. */
export const benchCluster = async ({
  only,
  netns,
  afterMs = afterMsByDefault,
}: ClusterOptions): Promise<Record<string, ClusterRow>> => {
  if (netns && !canMakeNetworks()) throw new Error("--netns: this wants root, and iproute2 on Linux");
  await using stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "llmlb-bench-cluster-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  const network = netns ? stack.use(await createNetwork()) : undefined;
  const servers = await startServers(dir, network, stack);
  const { router, ...nodes } = servers;
  await untilHealthy(router.url);
  for (const { url } of Object.values(nodes)) await post(`${router.url}/api/router/nodes`, { url });
  const rows: Record<string, ClusterRow> = {};
  for (const [name, disturb] of Object.entries(await scenariosOf(servers))) {
    if (!name.includes(only)) continue;
    await onlineAgain(router.url, Object.keys(nodes).length);
    rows[name] = await underLoad(router.url, disturb, afterMs);
    console.error(name, JSON.stringify(rows[name]));
  }
  return rows;
};

const startServers = async (
  dir: string,
  network: Network | undefined,
  stack: AsyncDisposableStack,
): Promise<Servers> => {
  const file = join(dir, "tiny.gguf");
  await Bun.write(file, buildModel("tiny-endless", "Q8_0"));
  const { home, remove } = await homeWith(file);
  stack.defer(remove);
  const start = async (commandOf: (place: Place) => string[], env: Record<string, string> = {}) => {
    const server = await serverOf(network, commandOf, env);
    stack.defer(async () => {
      kill(server);
      await server.child.exited;
    });
    return server;
  };
  const emulated = (kind: string) =>
    start(({ host, port }) => [
      ...[process.execPath, join(import.meta.dir, "cluster-node.ts")],
      ...[kind, String(port), model, host],
    ]);
  const ours = (role: string, env: Record<string, string>) =>
    start(({ host, port }) => [executable, role, "serve", "--host", host, "--port", String(port), "--no-auth"], env);
  return {
    own: await ours("node", { HOME: home, LLMLB_MODELS: join(home, "models"), LLMLB_NUM_PARALLEL: "8" }),
    ollama: await emulated("ollama"),
    vllm: await emulated("vllm"),
    router: await ours("router", { HOME: dir }),
  };
};
