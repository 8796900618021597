import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RouterNodesResponse } from "../../src/api/router.ts";
import { buildModel } from "../fixtures/models.ts";
import { freePort } from "../free-port.ts";
import { executable, homeWith, untilHealthy } from "./engine-peers.ts";

/** What became of the requests while something happened to the cluster. */
interface Row {
  answered: number;
  /** Told that the cluster is busy. */
  refused: number;
  /** Ended without a byte of an answer. */
  lostBefore: number;
  /** Broken after their first byte, which nobody can take back. */
  brokenAfter: number;
  slowestFirstByteMs: number;
}

interface Server {
  url: string;
  child: Bun.Subprocess;
  start(): Promise<void>;
}

const model = "bench/model";
const clients = 12;
const waitMs = Number(process.env.CLUSTER_MS ?? 8000);

/** A server that can be killed and started again on its port. */
const serverOf = async (commandOf: (port: number) => string[], env: Record<string, string>): Promise<Server> => {
  const port = await freePort();
  const spawn = () =>
    Bun.spawn(commandOf(port), {
      env: { PATH: process.env.PATH ?? "", ...env },
      stdout: "ignore",
      stderr: "ignore",
    });
  const server: Server = {
    url: `http://127.0.0.1:${port}`,
    child: spawn(),
    async start() {
      server.child = spawn();
      await untilAnswers(server.url);
    },
  };
  await untilAnswers(server.url);
  return server;
};

const untilAnswers = async (url: string): Promise<void> => {
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  )
    await Bun.sleep(20);
};

const ask = async (router: string, row: Row): Promise<void> => {
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
  } catch {
    row[bytes > 0 ? "brokenAfter" : "lostBefore"]++;
    await Bun.sleep(50); // the router itself is away
  }
};

/** Twelve clients ask all the time while `disturb` does what it does. */
const underLoad = async (router: string, disturb: () => Promise<void>): Promise<Row> => {
  const row: Row = { answered: 0, refused: 0, lostBefore: 0, brokenAfter: 0, slowestFirstByteMs: 0 };
  let over = false;
  const asking = Array.from({ length: clients }, async () => {
    while (!over) await ask(router, row);
  });
  await Bun.sleep(1000);
  await disturb();
  await Bun.sleep(waitMs);
  over = true;
  await Promise.all(asking);
  return { ...row, slowestFirstByteMs: Math.round(row.slowestFirstByteMs) };
};

const nodesOf = async (router: string) =>
  ((await (await fetch(`${router}/api/router/nodes`)).json()) as RouterNodesResponse).nodes;

const post = async (url: string, body: object) => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${await response.text()}`);
};

const onlineAgain = async (router: string, count: number): Promise<void> => {
  while ((await nodesOf(router)).filter(({ status }) => status === "online").length < count) await Bun.sleep(200);
};

const kill = (server: Server) => void server.child.kill("SIGKILL");

const scenariosOf = ({
  router,
  own,
  ollama,
  vllm,
}: Record<"router" | "own" | "ollama" | "vllm", Server>): Record<string, () => Promise<void>> => {
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
  };
};

/** One router, a node of ours, one that looks like Ollama and one that looks like vLLM; things happen to them under load. */
export const benchCluster = async (only: string): Promise<Record<string, Row>> => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-bench-cluster-"));
  const file = join(dir, "tiny.gguf");
  await Bun.write(file, buildModel("tiny-endless", "Q8_0"));
  const { home, remove } = await homeWith(file);
  const emulated = (kind: string, env: Record<string, string> = {}) =>
    serverOf((port) => [process.execPath, join(import.meta.dir, "cluster-node.ts"), kind, String(port), model], env);
  const ours = (role: string, env: Record<string, string>) =>
    serverOf((port) => [executable, role, "serve", "--port", String(port)], env);
  const own = await ours("node", { HOME: home, LLMLB_MODELS: join(home, "models"), LLMLB_NUM_PARALLEL: "8" });
  const [ollama, vllm] = [await emulated("ollama"), await emulated("vllm")];
  const router = await ours("router", { HOME: dir });
  await untilHealthy(router.url);
  const servers = [own, ollama, vllm];
  for (const { url } of servers) await post(`${router.url}/api/router/nodes`, { url });
  const scenarios = scenariosOf({ router, own, ollama, vllm });
  const rows: Record<string, Row> = {};
  try {
    for (const [name, disturb] of Object.entries(scenarios)) {
      if (!name.includes(only)) continue;
      await onlineAgain(router.url, servers.length);
      rows[name] = await underLoad(router.url, disturb);
      console.error(name, JSON.stringify(rows[name]));
    }
  } finally {
    for (const server of [router, ...servers]) kill(server);
    remove();
    rmSync(dir, { recursive: true, force: true });
  }
  return rows;
};
