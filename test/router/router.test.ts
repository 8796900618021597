import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import { silentLog } from "../../src/core/log.ts";
import { type RunningRouter, startRouter } from "../../src/router/start.ts";
import { startInferenceServer } from "../fakes/inference-servers.ts";
import { type ManualClock, manualClock } from "../fakes/manual-clock.ts";

let dir: string;
let clock: ManualClock;
let router: RunningRouter;
let base: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-router-"));
  clock = manualClock();
  router = await startRouter({ config: loadConfig({ HOME: dir }, { port: "0" }), log: silentLog, clock });
  base = `http://127.0.0.1:${router.address.port}`;
});
afterEach(async () => {
  await router.stop(0);
  rmSync(dir, { recursive: true });
});

const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(base + path, { method, headers, ...init });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
};

test("alive, ready, and of the version that Ollama's clients want", async () => {
  expect(await ask("GET", "/")).toEqual({ status: 200, body: "llmlb router is running" });
  expect((await ask("GET", "/health")).body).toEqual({ status: "ok" });
  expect((await ask("GET", "/ready")).status).toBe(200);
  expect((await ask("GET", "/api/version")).body.version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("nodes of two kinds, their models and the whole, as the API tells them", async () => {
  await using llmlb = startInferenceServer("llmlb");
  await using ollama = startInferenceServer("ollama");
  const added = await ask("POST", "/api/router/nodes", { url: llmlb.baseUrl, name: "big", api_key: "secret" });
  expect(added.status).toBe(200);
  await ask("POST", "/api/router/nodes", { url: ollama.baseUrl });
  const { nodes } = (await ask("GET", "/api/router/nodes")).body;
  expect(nodes[0]).toEqual(added.body);
  const { id } = added.body; // before Bun's toMatchObject puts its matcher there
  expect(nodes).toMatchObject([
    {
      id: expect.stringMatching(/^[a-z2-9]{6}$/),
      url: llmlb.baseUrl,
      name: "big",
      kind: "llmlb",
      status: "online",
      joined: false,
      version: "0.1.0",
      gpus: ["NVIDIA GeForce RTX 4090"],
      vram: { total_bytes: 24e9, free_bytes: 6e9 },
      temperature_celsius: 61,
      in_flight: 0,
      models: [
        { name: "org/one", loaded: true },
        { name: "org/two", loaded: false },
      ],
      added_at: new Date(clock.now()).toISOString(),
      last_seen_at: new Date(clock.now()).toISOString(),
    },
    { kind: "ollama", status: "online" },
  ]);
  expect(nodes[1].gpus).toBeUndefined(); // it does not tell
  expect(JSON.stringify(nodes)).not.toContain("secret");
  const { models } = (await ask("GET", "/api/router/models")).body;
  expect(models.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
    ["llama3.2:latest", "available"],
    ["org/one", "available"],
    ["org/two", "available"],
    ["qwen3:8b", "available"],
  ]);
  expect(models[3].nodes).toEqual([{ id: nodes[1].id, host: ollama.host, status: "online", loaded: true }]);
  expect((await ask("GET", "/api/router/status")).body).toMatchObject({
    health: "healthy",
    nodes: { online: 2, degraded: 0, draining: 0, offline: 0 },
    models: 4,
    requests_last_hour: 0,
    vram_utilization: 0.75,
  });
  const drained = await ask("POST", `/api/router/nodes/${id}/drain`, { drain: true });
  expect(drained).toMatchObject({ status: 200, body: { status: "draining" } });
  expect((await ask("GET", "/api/router/status")).body).toMatchObject({ health: "degraded", models: 2 });
  expect((await ask("DELETE", `/api/router/nodes/${encodeURIComponent(ollama.baseUrl)}`)).status).toBe(200);
  expect((await ask("GET", "/api/router/status")).body).toMatchObject({ health: "down" });
});

test("lists have a tag that stays while nothing changes but the time", async () => {
  await using server = startInferenceServer("llmlb");
  const { id } = (await ask("POST", "/api/router/nodes", { url: server.baseUrl })).body;
  const tagged = async (path: string, known = "") => {
    const response = await fetch(base + path, { headers: { "if-none-match": known } });
    return { status: response.status, etag: response.headers.get("etag") ?? "", text: await response.text() };
  };
  const paths = ["/api/router/nodes", "/api/router/models"];
  const first = await Promise.all(paths.map((path) => tagged(path)));
  const lastSeen = async () => (await ask("GET", "/api/router/nodes")).body.nodes[0].last_seen_at;
  const before = await lastSeen();
  // In steps in which a probe can end, or its time would be up at once.
  while ((await lastSeen()) === before) await clock.advance(100);
  for (const [index, path] of paths.entries()) {
    const { etag = "", text = "" } = first[index] ?? {};
    expect(etag).toMatch(/^W\/"[0-9a-f]+"$/);
    expect(await tagged(path, `"other", ${etag}`)).toEqual({ status: 304, etag, text: "" });
    expect(await tagged(path, etag.replace(/^W\//, ""))).toMatchObject({ status: 304 });
    expect(JSON.parse(text)).toBeObject();
  }
  await ask("POST", `/api/router/nodes/${id}/drain`, { drain: true });
  for (const [index, path] of paths.entries())
    expect(await tagged(path, first[index]?.etag)).toMatchObject({ status: 200, text: expect.stringContaining(id) });
});

test.each<[string, string, unknown, number, string]>([
  ["POST", "/api/router/nodes", {}, 400, 'invalid "url"'],
  ["POST", "/api/router/nodes", { url: "http://127.0.0.1:1", kind: "tpu" }, 400, 'invalid "kind"'],
  ["POST", "/api/router/nodes", { url: "http://127.0.0.1:1", api_key: "a\nb" }, 400, 'invalid "api_key"'],
  ["POST", "/api/router/nodes", { url: "ftp://x" }, 400, "invalid node URL"],
  ["POST", "/api/router/nodes", { url: "http://127.0.0.1:1" }, 400, "it refuses connections"],
  ["POST", "/api/router/nodes", { url: "http://169.254.169.254" }, 403, "link-local"],
  ["DELETE", "/api/router/nodes/nobody", undefined, 404, 'node "nobody" not found'],
  ["POST", "/api/router/nodes/nobody/drain", { drain: true }, 404, 'node "nobody" not found'],
  ["POST", "/api/router/tokens", { expires_in: "soon" }, 400, "invalid duration"],
  ["POST", "/api/router/tokens", { expires_in: "721h" }, 400, "expected up to 720h"],
  ["DELETE", "/api/router/tokens/nobody", undefined, 404, 'join token "nobody" not found'],
  ["POST", "/api/router/keys", { name: "x", scopes: ["root"] }, 400, 'invalid "scopes'],
  ["POST", "/api/router/keys", { name: "x", concurrency: 0 }, 400, 'invalid "concurrency"'],
  ["DELETE", "/api/router/keys/nobody", undefined, 404, 'API key "nobody" not found'],
  [
    "POST",
    "/api/router/join",
    { token: "x", url: "http://127.0.0.1:1", key: "k".repeat(20) },
    401,
    "the join token is",
  ],
  ["GET", "/api/router/reports", undefined, 401, "the credential is unknown"],
])("%s %s %j is refused", async (method, path, body, status, message) => {
  const answer = await ask(method, path, body);
  expect([answer.status, answer.body.error]).toEqual([status, expect.stringContaining(message)]);
});

test("a token that is unknown makes the router ask nobody; one that has expired neither", async () => {
  await using server = startInferenceServer("llmlb");
  const joining = { url: server.baseUrl, key: "k".repeat(20) };
  const { token, expires_at } = (await ask("POST", "/api/router/tokens", { expires_in: "1h" })).body;
  expect(expires_at).toBe(new Date(clock.now() + 3_600_000).toISOString());
  expect((await ask("POST", "/api/router/join", { token: `${token}x`, ...joining })).status).toBe(401);
  await clock.advance(3_600_000);
  expect((await ask("POST", "/api/router/join", { token, ...joining })).status).toBe(401);
  expect(server.requests).toEqual([]);
  expect((await ask("GET", "/api/router/tokens")).body).toEqual({ tokens: [] });
  const fresh = (await ask("POST", "/api/router/tokens", {})).body;
  const posing = await ask("POST", "/api/router/join", { token: fresh.token, ...joining });
  expect([posing.status, posing.body.error]).toEqual([400, expect.stringContaining("is not the node that asks")]);
  expect((await ask("GET", "/api/router/tokens")).body.tokens).toHaveLength(1); // it was not used up
  expect((await ask("DELETE", `/api/router/tokens/${fresh.id}`)).status).toBe(200);
  expect((await ask("POST", "/api/router/join", { token: fresh.token, ...joining })).status).toBe(401);
});

test("the key that was made opens what its scopes say; pages of other sites open nothing", async () => {
  const { key } = (await ask("POST", "/api/router/keys", { name: "me", scopes: ["admin"] })).body;
  expect((await ask("GET", "/api/router/nodes")).status).toBe(401);
  expect((await ask("GET", "/api/router/nodes", undefined, { "x-api-key": key })).status).toBe(200);
  expect((await ask("GET", "/health")).status).toBe(200);
  const foreign = { "x-api-key": key, origin: "https://evil.example" };
  expect((await ask("GET", "/api/router/nodes", undefined, foreign)).status).toBe(403);
  expect((await ask("GET", "/api/router/nodes", undefined, { host: "evil.example" })).status).toBe(403);
});

test("a network is served only with a key", async () => {
  const serve = (env: Record<string, string>, openToAll = false) => {
    const config = loadConfig(
      { HOME: dir, LLMLB_ROUTER_DB: join(dir, "b.db"), ...env },
      { port: "0", host: "0.0.0.0" },
    );
    return startRouter({ config, log: silentLog, clock, openToAll });
  };
  await expect(serve({})).rejects.toThrow("refusing to listen on 0.0.0.0 without a key: set LLMLB_API_KEY");
  await (await serve({ LLMLB_API_KEY: "k" })).stop(0);
  await (await serve({}, true)).stop(0);
});
