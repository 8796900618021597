/** A router and its nodes, as people start, look at, kill and restart them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RouterActivity, RouterNodesResponse } from "../../src/api/router.ts";
import { createWorld, type NodeProcess, until, type World } from "./harness.ts";

let world: World;
let router: NodeProcess;
let port: string;
const hello = "llmlb-test/tiny-hello-GGUF";

const llmlb = (...words: string[]) => world.llmlb(["router", ...words]);
const nodes = async () =>
  ((await (await fetch(`${router.address}/api/router/nodes`)).json()) as RouterNodesResponse).nodes;
const nodeAt = async (address: string) => (await nodes()).find(({ url }) => url === address);
const statusOf = async (address: string) => (await nodeAt(address))?.status;

const token = async () => (await llmlb("token", "create")).stdout.trim();
const joinNode = async (joinToken: string, ...words: string[]) =>
  await world.start(["node", "serve", "--port", "0", "--router", router.address, ...words], {
    LLMLB_JOIN_TOKEN: joinToken,
    HOME: mkdtempSync(join(world.dir, "home-")), // as on machines of their own
  });

beforeAll(async () => {
  world = await createWorld();
  router = await world.start(["router", "serve", "--port", "0"]);
  port = new URL(router.address).port;
  world.env.LLMLB_ROUTER_HOST = router.address;
  expect((await world.llmlb(["node", "pull", hello, "--local"])).exitCode).toBe(0);
});
afterAll(() => world[Symbol.asyncDispose]());

test("an empty cluster is down; the router is alive and ready", async () => {
  expect(await llmlb("status")).toEqual({
    stdout:
      "Cluster Status: down\n\nNodes:      0 online / 0 offline\nModels:     0 available\nRequests:   0 (last hour)\nVRAM:       -\n",
    stderr: "",
    exitCode: 0,
  });
  expect((await llmlb("nodes")).stdout).toBe("ID    HOST  STATUS    GPU    MODELS\n");
  expect((await fetch(`${router.address}/health`)).status).toBe(200);
  expect((await fetch(`${router.address}/ready`)).status).toBe(200);
  expect(await Bun.file(`/proc/${router.pid}/environ`).text()).toContain("BUN_CONFIG_MAX_HTTP_REQUESTS=65535");
});

test("the dashboard is in the executable, for browsers", async () => {
  expect(await (await fetch(router.address)).text()).toBe("llmlb router is running");
  const page = await fetch(router.address, { headers: { accept: "text/html" } });
  expect(page.headers.get("content-security-policy")).toStartWith("default-src 'none'");
  const paths = [...(await page.text()).matchAll(/"(\/dashboard\/[^"]+)"/g)].map(([, path]) => path);
  const types = paths.map(async (path) => (await fetch(router.address + path)).headers.get("content-type"));
  expect((await Promise.all(types)).sort()).toEqual([
    ...["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"],
  ]);
});

test("nodes join, are drained, leave, are killed and come back; the router may be killed too", async () => {
  const first = await joinNode(await token());
  const second = await world.start(["node", "serve", "--port", "0"], {
    LLMLB_ROUTER_URL: router.address,
    LLMLB_JOIN_TOKEN: await token(),
  });
  await until(async () => (await nodes()).filter(({ status }) => status === "online").length === 2, "both online");
  const { stdout } = await llmlb("nodes");
  expect(stdout.split("\n")[0]).toBe("ID        HOST             STATUS    GPU    MODELS");
  for (const node of [first, second])
    expect(stdout).toMatch(new RegExp(`^[a-z2-9]{6}    ${new URL(node.address).host}  online    -      1$`, "m"));
  expect((await llmlb("models")).stdout).toBe(
    `MODEL                         NODES    STATUS\n${hello}    2        available\n`,
  );
  expect((await llmlb("models", "--nodes")).stdout.match(/online {4}stored/g)).toHaveLength(2);

  // A model that is loaded on a node is so on the router, without anybody asking.
  await fetch(`${first.address}/api/generate`, { method: "POST", body: JSON.stringify({ model: hello }) });
  await until(async () => (await nodeAt(first.address))?.models[0]?.loaded === true, "the load was reported");

  const id = (await nodeAt(second.address))?.id ?? "";
  expect((await llmlb("drain", id)).stdout).toBe(`'${id}' is draining, 0 requests running\n`);
  expect((await llmlb("status")).stdout).toStartWith(
    "Cluster Status: degraded\n\nNodes:      1 online / 0 offline / 1 draining\n",
  );
  expect((await llmlb("drain", id, "--off")).stdout).toBe(`'${id}' is online\n`);

  // The router is killed and started again: it knows its nodes, and they report again without a token.
  router.signal("SIGKILL");
  await router.exited;
  router = await world.start(["router", "serve", "--port", port]);
  expect(await nodes()).toHaveLength(2);
  await until(() => first.log().split("reporting to the router").length === 3, "it reports again");
  await until(async () => (await nodes()).every(({ status }) => status === "online"), "both online again");
  expect((await nodeAt(second.address))?.id).toBe(id);

  first.signal("SIGKILL");
  await until(async () => (await statusOf(first.address)) === "offline", "the killed node is offline");
  expect((await llmlb("status")).stdout).toStartWith("Cluster Status: degraded\n\nNodes:      1 online / 1 offline\n");

  second.signal("SIGTERM");
  expect(await second.exited).toBe(0);
  expect(await statusOf(second.address)).toBeUndefined(); // gone, when the process is
  expect(router.log()).toContain(`node ${id} has left`);
  expect((await llmlb("models")).stdout).toContain("1        unavailable");
  expect((await llmlb("remove", first.address)).exitCode).toBe(0);

  // It comes back with what it was given.
  const again = await world.start(
    ["node", "serve", "--port", new URL(second.address).port, "--router", router.address],
    {},
  );
  await until(async () => (await nodeAt(again.address))?.id === id, "the same node is back");
  again.signal("SIGTERM");
  await again.exited;
  const kept = join(world.dir, ".llmlb", "joined");
  for (const file of readdirSync(kept)) expect(statSync(join(kept, file)).mode & 0o777).toBe(0o600);
});

test("a token lets one node in; who is not at the address that it tells is refused", async () => {
  const used = await token();
  const first = await joinNode(used);
  await until(async () => (await statusOf(first.address)) === "online", "online");
  const second = await joinNode(used);
  await until(() => second.log().includes("the join token is unknown, used or expired"), "the token is refused");
  const posing = await joinNode(await token(), "--advertise", first.address);
  await until(() => posing.log().includes("is not the node that asks to join"), "the address is refused");
  const nowhere = await joinNode(await token(), "--advertise", "http://169.254.169.254");
  await until(() => nowhere.log().includes("link-local addresses are refused"), "the network is refused");
  for (const node of [first, second, posing, nowhere]) node.signal("SIGTERM");
  await first.exited;
});

test("what was asked through the router is in its activity, with where it went, why and how many tokens came", async () => {
  const node = await joinNode(await token());
  await until(async () => (await statusOf(node.address)) === "online", "online");
  const messages = [{ role: "user", content: "hello" }];
  const chat = (path: string, body: object) =>
    fetch(router.address + path, { method: "POST", body: JSON.stringify({ model: hello, messages, ...body }) });
  const { usage } = (await (await chat("/v1/chat/completions", {})).json()) as { usage: { completion_tokens: number } };
  await (await chat("/v1/chat/completions", { stream: true })).text();
  await (await chat("/api/chat", { stream: true })).text();
  const { requests, buckets } = (await (await fetch(`${router.address}/api/router/activity`)).json()) as RouterActivity;
  const id = (await nodeAt(node.address))?.id;
  const tokens = usage.completion_tokens;
  expect(requests[1]?.tokens).toBeWithin(1, tokens + 1); // nobody asked for its usage
  expect(requests.slice(0, 3)).toMatchObject([
    { route: "/api/chat", model: hello, node: id, status: 200, tokens },
    { route: "/v1/chat/completions", reason: expect.any(String), tokens_at_least: true },
    { route: "/v1/chat/completions", status: 200, tokens },
  ]);
  expect(buckets.reduce((sum, bucket) => sum + bucket.tokens, 0)).toBeGreaterThan(tokens * 2);
  node.signal("SIGTERM");
  await node.exited;
});

test("a node that listens on a network without a key takes only its router's", async () => {
  const node = await joinNode(await token(), "--host", "0.0.0.0");
  const address = `http://127.0.0.1:${new URL(node.address).port}`;
  await until(async () => (await statusOf(address)) === "online", "online");
  expect((await fetch(`${address}/api/tags`)).status).toBe(401);
  node.signal("SIGTERM");
  await node.exited;
});

test("a node of any kind is added by hand and removed", async () => {
  const node = await world.start(["node", "serve", "--port", "0"], { LLMLB_API_KEY: "node-secret" });
  const refused = await llmlb("add", node.address);
  expect([refused.stderr, refused.exitCode]).toEqual([
    `Error: cannot use ${node.address}: it wants a key; --key-file gives one\n`,
    1,
  ]);
  const keyFile = join(world.dir, "node.key");
  await Bun.write(keyFile, "node-secret\n");
  expect((await llmlb("add", node.address, "--key-file", keyFile)).stdout).toMatch(
    /^added [a-z2-9]{6} \(llmlb\): 1 model\n$/,
  );
  expect((await llmlb("add", node.address)).stderr).toContain("is in the cluster already");
  expect(router.log() + JSON.stringify(await nodes())).not.toContain("node-secret");
  expect((await llmlb("remove", node.address)).exitCode).toBe(0);
  const missing = await llmlb("remove", "nobody");
  expect([missing.stderr, missing.exitCode]).toEqual(['Error: node "nobody" not found\n', 1]);
  node.signal("SIGTERM");
});

test("without a key a router is for this machine alone; who cannot be reached is exit code 2", async () => {
  const db = { LLMLB_ROUTER_DB: join(world.dir, "other.db") };
  const open = await world.llmlb(["router", "serve", "--host", "0.0.0.0", "--port", "0"], { env: db });
  expect([open.exitCode, open.stderr]).toEqual([1, expect.stringContaining("refusing to listen on 0.0.0.0 without a")]);
  const second = await world.llmlb(["router", "serve", "--port", "0"]);
  expect([second.exitCode, second.stderr]).toEqual([1, expect.stringContaining("another router uses")]);
  for (const words of [["nodes"], ["models"], ["status"], ["add", "http://x"], ["key", "list"]]) {
    const gone = await world.llmlb(["router", ...words], { env: { LLMLB_ROUTER_HOST: "127.0.0.1:1" } });
    expect(gone).toEqual({
      stdout: "",
      stderr: 'Error: cannot connect to the llmlb router at 127.0.0.1:1; start it with "llmlb router serve"\n',
      exitCode: 2,
    });
  }
});

test("once there is an admin key, the cluster is changed with it alone", async () => {
  const admin = (await llmlb("key", "create", "me", "--scope", "admin")).stdout.trim();
  expect(admin).toStartWith("llmlb-key-");
  expect((await llmlb("token", "create")).stderr).toBe(
    "Error: missing or wrong API key; clients of llmlb send LLMLB_API_KEY\n",
  );
  const env = { LLMLB_API_KEY: admin };
  const as = (...words: string[]) => world.llmlb(["router", ...words], { env });
  const reader = (await as("key", "create", "looker", "--scope", "read", "--rpm", "60")).stdout.trim();
  const read = (...words: string[]) => world.llmlb(["router", ...words], { env: { LLMLB_API_KEY: reader } });
  expect((await read("nodes")).exitCode).toBe(0);
  expect((await read("token", "list")).stderr).toBe('Error: API key "looker" lacks the scope admin\n');
  const listed = JSON.parse((await as("key", "list", "--json")).stdout).keys;
  expect(listed).toMatchObject([
    { name: "me", scopes: ["admin"] },
    { name: "looker", scopes: ["read"], requests_per_minute: 60 },
  ]);
  expect((await as("key", "revoke", listed[1].id)).exitCode).toBe(0);
  expect((await read("nodes")).exitCode).toBe(1);
  expect(router.log()).not.toContain(admin);
  router.signal("SIGTERM");
  expect(await router.exited).toBe(0);
});
