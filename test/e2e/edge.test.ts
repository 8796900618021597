/** Who may ask, and what they see. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createWorld, type NodeProcess, type World } from "./harness.ts";

let world: World;
let node: NodeProcess;
const hello = "llmlb-test/tiny-hello-GGUF";
const key = "correct horse";
const origin = "https://app.example";

beforeAll(async () => {
  world = await createWorld();
  node = await world.serve({ LLMLB_API_KEY: key, LLMLB_ORIGINS: `${origin}, https://other.example/` });
  world.env.LLMLB_API_KEY = key;
  expect((await world.llmlb(["node", "pull", hello])).exitCode).toBe(0);
});
afterAll(() => world[Symbol.asyncDispose]());

const ask = (path: string, init: RequestInit = {}) => fetch(node.address + path, init);
const chat = JSON.stringify({ model: hello, messages: [{ role: "user", content: "hi" }] });

test("without the key there is nothing but the health check; the refusal is in the dialect of the path", async () => {
  const told = async (path: string) => {
    const response = await ask(path, { method: "POST", body: chat });
    return [response.status, await response.json()];
  };
  const message = "missing or wrong API key; clients of llmlb send LLMLB_API_KEY";
  expect(await told("/api/chat")).toEqual([401, { error: message }]);
  expect(await told("/v1/chat/completions")).toMatchObject([401, { error: { message, type: "authentication_error" } }]);
  expect(await told("/v1/messages")).toEqual([
    401,
    { type: "error", error: { type: "authentication_error", message } },
  ]);
  expect((await ask("/health")).status).toBe(200);
  expect((await ask("/api/tags", { headers: { "x-api-key": key } })).status).toBe(200);
  expect((await ask("/api/tags", { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
});

test("the command line sends its key, and says so when it is wrong", async () => {
  expect((await world.llmlb(["node", "run", hello, "hi"])).stdout).toBe("Hello! I am a tiny model.\n");
  const wrong = await world.llmlb(["node", "list"], { env: { LLMLB_API_KEY: "other" } });
  expect([wrong.exitCode, wrong.stderr]).toEqual([
    1,
    "Error: missing or wrong API key; clients of llmlb send LLMLB_API_KEY\n",
  ]);
  expect(node.log()).not.toContain(key);
});

test("pages of allowed origins may ask and read, streams too; others may not", async () => {
  const preflight = await ask("/api/chat", {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, content-type",
    },
  });
  expect(preflight.status).toBe(204);
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    "access-control-allow-origin": origin,
    "access-control-allow-headers": "authorization, content-type",
    "access-control-allow-methods": expect.stringContaining("POST"),
  });
  const headers = { origin, authorization: `Bearer ${key}` };
  for (const path of ["/api/chat", "/v1/chat/completions", "/api/tags"]) {
    const response = await ask(path, path === "/api/tags" ? { headers } : { method: "POST", body: chat, headers });
    expect([path, response.status, response.headers.get("access-control-allow-origin")]).toEqual([path, 200, origin]);
    await response.text();
  }
  const refused = await ask("/api/chat", { method: "POST", body: chat, headers: { origin } });
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, origin]);
  const foreign = await ask("/api/tags", { headers: { ...headers, origin: "https://evil.example" } });
  expect([foreign.status, foreign.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

test("the executable tells its API", async () => {
  const response = await ask("/openapi.json", { headers: { "x-api-key": key } });
  expect(await response.json()).toMatchObject({
    openapi: "3.1.1",
    paths: { "/api/chat": { post: { tags: ["Ollama"] } } },
  });
});

test("curl -d without a content type works, as with Ollama", async () => {
  const curl = Bun.spawn(["curl", "-s", "-H", `x-api-key: ${key}`, `${node.address}/api/chat`, "-d", chat]);
  const lines = (await curl.stdout.text()).trim().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ done: true, done_reason: "stop" });
});

test("a network address without a key is refused, unless the user insists", async () => {
  const args = ["node", "serve", "--host", "0.0.0.0", "--port", "0"];
  const refused = await world.llmlb(args, { env: { LLMLB_API_KEY: "" } });
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    "Error: refusing to listen on 0.0.0.0 without a key: set LLMLB_API_KEY, or give --no-auth on a network that you trust\n",
  ]);
  const spawn = (more: string[], env: Record<string, string>) =>
    Bun.spawn([world.executable, ...args, ...more], {
      env: { ...world.env, ...env },
      stdout: "pipe",
      stderr: "ignore",
    });
  for (const [more, env] of [
    [["--no-auth"], { LLMLB_API_KEY: "" }],
    [[], {}],
  ] as const) {
    const child = spawn([...more], env);
    const first = new TextDecoder().decode((await child.stdout.getReader().read()).value);
    expect(first).toContain("listening on http://0.0.0.0:");
    child.kill();
    await child.exited;
  }
});

const openssl = Bun.which("openssl");

test.skipIf(openssl === null)("HTTPS with a certificate, for the command line too", async () => {
  const cert = join(world.dir, "cert.pem");
  const file = join(world.dir, "key.pem");
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", file, "-out", cert];
  expect(Bun.spawnSync(["openssl", ...make, ...subject]).exitCode).toBe(0);
  const args = [world.executable, "node", "serve", "--port", "0", "--tls-cert", cert, "--tls-key", file];
  const child = Bun.spawn(args, { env: world.env, stdout: "pipe", stderr: "ignore" });
  const first = new TextDecoder().decode((await child.stdout.getReader().read()).value);
  const [, address = ""] = /listening on (https:\/\/\S+)/.exec(first) ?? [];
  const env = { LLMLB_HOST: address, NODE_EXTRA_CA_CERTS: cert };
  expect((await world.llmlb(["node", "list"], { env })).stdout).toContain(hello);
  const untrusted = await world.llmlb(["node", "list"], { env: { LLMLB_HOST: address } });
  expect(untrusted.exitCode).toBe(2);
  child.kill();
  await child.exited;
  const half = await world.llmlb(["node", "serve", "--port", "0", "--tls-cert", cert]);
  expect([half.exitCode, half.stderr]).toEqual([1, "Error: --tls-cert and --tls-key belong together\n"]);
  const missing = await world.llmlb(["node", "serve", "--port", "0", "--tls-cert", "none", "--tls-key", file]);
  expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringMatching(/^Error: cannot read none: /)]);
});
