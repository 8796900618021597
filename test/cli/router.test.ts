import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { RouterNode, RouterStatus } from "../../src/api/router.ts";
import { type CliWorld, openCliWorld } from "../fakes/cli-process.ts";
import { type FakeNode, startFakeNode } from "../fakes/fake-node.ts";

let router: FakeNode;
let world: CliWorld;

beforeEach(() => {
  router = startFakeNode();
  world = openCliWorld("127.0.0.1:1"); // LLMLB_HOST
  world.env.LLMLB_ROUTER_HOST = router.host;
});
afterEach(async () => {
  world[Symbol.dispose]();
  await router[Symbol.asyncDispose]();
});

const llmlb = (...words: string[]) => world.run(["router", ...words]);

const node = (changes: Partial<RouterNode> = {}): RouterNode => ({
  id: "abc123",
  url: "http://192.168.1.10:32769",
  kind: "llmlb",
  status: "online",
  joined: true,
  gpus: ["NVIDIA GeForce RTX 4090"],
  in_flight: 0,
  models: ["a", "b", "c"].map((name) => ({ name, loaded: false })),
  added_at: "2026-01-01T00:00:00Z",
  ...changes,
});

test("nodes prints the table of the contract", async () => {
  router.on("GET /api/router/nodes", () => Response.json({ nodes: [node()] }));
  expect(await llmlb("nodes")).toEqual({
    stdout: [
      "ID        HOST                STATUS    GPU         MODELS",
      "abc123    192.168.1.10:32769  online    RTX 4090    3",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 0,
  });
  expect(JSON.parse((await llmlb("nodes", "--json")).stdout)).toEqual({ nodes: [node()] });
});

test("nodes: several GPUs, none, and a node that does not tell", async () => {
  const gpus = ["AMD Radeon RX 7900", "AMD Radeon RX 7900", "NVIDIA A100\x1b[2J"];
  const { gpus: _, ...silent } = node({ url: "https://box:443/llm" });
  router.on("GET /api/router/nodes", () => Response.json({ nodes: [node({ gpus }), node({ gpus: [] }), silent] }));
  const lines = (await llmlb("nodes")).stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(lines.slice(1, 4).map((cells) => [cells[1], cells[3]])).toEqual([
    ["192.168.1.10:32769", "2x Radeon RX 7900, A100[2J"],
    ["192.168.1.10:32769", "-"],
    ["https://box:443/llm", "-"],
  ]);
});

test("models prints the table of the contract, and with --nodes who holds what", async () => {
  const name = "meta-llama/Llama-3.2-3B-Instruct";
  const nodes = [
    { id: "abc123", host: "192.168.1.10:32769", status: "online", loaded: true },
    { id: "def456", host: "box:11434", status: "draining", loaded: false },
  ];
  const models = [
    { name, status: "available", nodes },
    { name: "other", status: "unavailable", nodes: [] },
  ];
  router.on("GET /api/router/models", () => Response.json({ models }));
  expect((await llmlb("models")).stdout).toBe(
    [
      "MODEL                               NODES    STATUS",
      "meta-llama/Llama-3.2-3B-Instruct    2        available",
      "other                               0        unavailable",
      "",
    ].join("\n"),
  );
  expect((await llmlb("models", "--nodes")).stdout).toBe(
    [
      "MODEL                               ID        HOST                STATUS      STATE",
      "meta-llama/Llama-3.2-3B-Instruct    abc123    192.168.1.10:32769  online      loaded",
      "meta-llama/Llama-3.2-3B-Instruct    def456    box:11434           draining    stored",
      "",
    ].join("\n"),
  );
  expect(JSON.parse((await llmlb("models", "--json")).stdout)).toEqual({ models });
});

const status: RouterStatus = {
  version: "0.1.0",
  health: "healthy",
  nodes: { online: 3, degraded: 0, draining: 0, offline: 0 },
  models: 12,
  requests_last_hour: 1234,
  vram_utilization: 0.851,
};

test("status prints the lines of the contract", async () => {
  router.on("GET /api/router/status", () => Response.json(status));
  expect((await llmlb("status")).stdout).toBe(
    [
      "Cluster Status: healthy",
      "",
      "Nodes:      3 online / 0 offline",
      "Models:     12 available",
      "Requests:   1,234 (last hour)",
      "VRAM:       85% average utilization",
      "",
    ].join("\n"),
  );
  const { vram_utilization: _, ...cpu } = status;
  const nodes = { online: 1, degraded: 2, draining: 1, offline: 4 };
  router.on("GET /api/router/status", () => Response.json({ ...cpu, nodes, requests_last_hour: 1_234_567 }));
  const { stdout } = await llmlb("status");
  expect(stdout).toContain("Nodes:      1 online / 4 offline / 2 degraded / 1 draining\n");
  expect(stdout).toContain("Requests:   1,234,567 (last hour)\nVRAM:       -\n");
});

test("--watch draws again until Ctrl+C, which is no failure", async () => {
  let health: RouterStatus["health"] = "healthy";
  router.on("GET /api/router/status", () => {
    const answer = Response.json({ ...status, health });
    health = "down";
    return answer;
  });
  const terminal = world.terminal(["router", "status", "--watch"]);
  await terminal.until("\x1b[H\x1b[2JCluster Status: healthy");
  await terminal.until("\x1b[H\x1b[2JCluster Status: down");
  terminal.write("\x03");
  expect(await terminal.exited).toBe(0);
});

test("add sends what it was told; a key comes from a file", async () => {
  router.on("POST /api/router/nodes", () => Response.json(node({ kind: "vllm" })));
  await Bun.write(join(world.home, "key"), "secret\n");
  const added = await llmlb("add", "box:8000", "--name", "big", "--type=vllm", "--key-file", "key");
  expect(added).toEqual({ stdout: "added abc123 (vllm): 3 models\n", stderr: "", exitCode: 0 });
  expect(router.bodies("/api/router/nodes")).toEqual([
    { url: "box:8000", name: "big", kind: "vllm", api_key: "secret" },
  ]);
});

test.each([
  [
    ["add", "x", "--type", "tpu"],
    'invalid --type "tpu": expected llmlb, ollama, vllm, llama-server, lm-studio, openai',
  ],
  [["key", "create", "x", "--scope", "root"], 'invalid --scope "root": expected infer, read or admin, with commas'],
  [["key", "create", "x", "--rpm", "0"], 'invalid --rpm "0": expected a whole number above 0'],
  [["serve", "--policy", "best"], 'invalid --policy "best": expected prefix, least-busy, round-robin'],
  [["token", "destroy"], 'unknown command "destroy"; see "llmlb router token --help"'],
])("router %j is refused before anybody is asked", async (words, message) => {
  expect(await llmlb(...words)).toEqual({ stdout: "", stderr: `Error: ${message}\n`, exitCode: 1 });
  expect(router.requests).toEqual([]);
});

test("a token and a key stand alone on stdout, so that a script can take them", async () => {
  const expires_at = new Date(Date.now() + 3_600_500).toISOString();
  router.on("POST /api/router/tokens", () => Response.json({ id: "t", token: "llmlb-join-x", expires_at }));
  router.on("POST /api/router/keys", () =>
    Response.json({ id: "k", name: "ci", scopes: ["infer"], created_at: expires_at, key: "llmlb-key-x" }),
  );
  expect(await llmlb("token", "create", "--expires", "1h")).toEqual({
    stdout: "llmlb-join-x\n",
    stderr: "It lets one node join, About an hour from now at the latest.\n",
    exitCode: 0,
  });
  expect((await llmlb("key", "create", "ci", "--scope", "infer, read", "--rpm=60", "--concurrency=4")).stdout).toBe(
    "llmlb-key-x\n",
  );
  expect([router.bodies("/api/router/tokens"), router.bodies("/api/router/keys")]).toEqual([
    [{ expires_in: "1h" }],
    [{ name: "ci", scopes: ["infer", "read"], requests_per_minute: 60, concurrency: 4 }],
  ]);
});

test("LLMLB_HOST names the router where LLMLB_ROUTER_HOST does not; a node is told from a router", async () => {
  router.on("GET /api/router/status", () => Response.json(status));
  const byHost = await world.run(["router", "status"], { env: { LLMLB_ROUTER_HOST: "", LLMLB_HOST: router.host } });
  expect(byHost.exitCode).toBe(0);
  router.on("GET /api/router/nodes", () =>
    Response.json({ error: "GET /api/router/nodes is not an endpoint of llmlb" }, { status: 404 }),
  );
  expect(await llmlb("nodes")).toEqual({
    stdout: "",
    stderr: `Error: ${router.host} is not an llmlb router; LLMLB_ROUTER_HOST names one\n`,
    exitCode: 1,
  });
});
