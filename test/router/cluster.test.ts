import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/core/log.ts";
import { createCluster, type ManagedCluster } from "../../src/router/cluster/create-cluster.ts";
import type { Registry } from "../../src/router/registry/registry.ts";
import { hashSecret } from "../../src/router/registry/secret.ts";
import { openSqliteRegistry } from "../../src/router/registry/sqlite-registry.ts";
import type { NodeReading } from "../../src/router/types.ts";
import { type ManualClock, manualClock } from "../fakes/manual-clock.ts";

const url = "http://box:8000";
const routerKey = "router-key-of-the-node";
let dir: string;
let clock: ManualClock;
let registry: Registry;
let cluster: ManagedCluster;
/** What the one machine of this network answers; undefined = it refuses connections. */
let answers: Record<string, unknown> | undefined;
let asked: { path: string; key: string | null }[];
let addresses: string[];

const openAi = (...models: string[]) => ({ "/v1/models": { data: models.map((id) => ({ id })) } });
const llmlb = { models: [], memory: {}, version: "1", router_key_sha256: hashSecret(routerKey) };

const answer = async (target: string, init: BunFetchRequestInit): Promise<Response> => {
  const path = new URL(target).pathname;
  asked.push({ path, key: new Headers(init.headers).get("authorization") });
  if (!answers) throw Object.assign(new Error("refused"), { code: "ConnectionRefused" });
  return path in answers ? Response.json(answers[path]) : Response.json({}, { status: 404 });
};

const open = () =>
  createCluster({ registry, clock, log: silentLog, random: () => 0.5, lookup: async () => addresses, fetch: answer });

/** Lets what waits for answers of the fake network go on. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const advance = async (ms: number) => {
  await clock.advance(ms);
  await settle();
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-cluster-"));
  clock = manualClock();
  registry = openSqliteRegistry(join(dir, "router.db"));
  answers = openAi("mixtral");
  asked = [];
  addresses = ["10.0.0.1"];
  cluster = await open();
});

afterEach(async () => {
  cluster.close();
  await registry.close();
  rmSync(dir, { recursive: true });
});

const only = () => cluster.nodes()[0];

test("a node that is added is known at once, and asked every 10 s", async () => {
  const added = await cluster.add({ url: "box:8000/v1", key: "k", name: "big" });
  expect(added).toMatchObject({ url, kind: "openai", status: "online", name: "big", joined: false });
  expect(added.modelsByName.get("mixtral")).toEqual({ name: "mixtral", loaded: true });
  expect(cluster.credential(added.id)).toBe("k");
  expect(cluster.find(added.id)).toBe(added);
  answers = openAi("mixtral", "new");
  asked = [];
  await advance(10_000);
  expect(asked).toEqual([{ path: "/v1/models", key: "Bearer k" }]);
  expect(only()?.modelsByName.has("new")).toBe(true);
  expect(added.modelsByName.has("new")).toBe(false); // what was handed out stays as it was
  await expect(cluster.add({ url })).rejects.toThrow("is in the cluster already, as");
});

test("three failures are offline; then it is asked less and less, and one success is enough", async () => {
  await cluster.add({ url });
  answers = undefined;
  await advance(10_000);
  expect(only()).toMatchObject({ status: "degraded", reason: "it refuses connections" });
  await advance(1_000);
  expect(only()?.status).toBe("degraded");
  await advance(2_000);
  expect(only()?.status).toBe("offline");
  expect(only()?.reading.models).toHaveLength(1); // what it had is still told
  asked = [];
  await advance(60_000);
  expect(asked).toHaveLength(4); // after 4, 8, 16 and 30 s
  answers = openAi("mixtral");
  await advance(30_000);
  expect(only()?.status).toBe("online");
});

test("what requests meet counts as probes do, and one that does not get there has the node asked at once", async () => {
  const { id } = await cluster.add({ url });
  asked = [];
  cluster.note(id, "unreachable");
  expect(only()?.status).toBe("degraded");
  await advance(0);
  expect([asked.length, only()?.status]).toEqual([1, "online"]); // it was one connection
  for (const _ of [1, 2, 3]) cluster.note(id, "unreachable");
  expect(only()?.status).toBe("offline");
  cluster.note(id, "answered"); // an old answer that has ended just now
  expect(only()?.status).toBe("offline");
  await advance(0);
  expect(only()?.status).toBe("online");
  for (const _ of [1, 2, 3]) cluster.note(id, "failed");
  expect(only()).toMatchObject({ status: "degraded", reason: "its last 3 answers were errors" });
  const before = cluster.nodes();
  cluster.note(id, "answered");
  expect(only()?.status).toBe("online");
  const after = cluster.nodes();
  cluster.note(id, "answered");
  expect([before === after, cluster.nodes() === after]).toEqual([false, true]); // nothing new, no new snapshot
  cluster.note("nobody", "failed");
});

test("a node of a kind that is given may be down; an address that is refused may not be added in any way", async () => {
  answers = undefined;
  await expect(cluster.add({ url })).rejects.toThrow(`cannot use ${url}: it refuses connections`);
  expect((await cluster.add({ url, kind: "vllm" })).status).toBe("offline");
  addresses = ["10.0.0.1", "169.254.169.254"];
  await expect(cluster.add({ url: "http://other:1", kind: "vllm" })).rejects.toThrow(
    "link-local addresses are refused",
  );
  await expect(cluster.add({ url: "http://other:1" })).rejects.toThrow("other is 169.254.169.254");
});

test("a name that leads elsewhere later is not asked any more", async () => {
  await cluster.add({ url });
  addresses = ["169.254.169.254"];
  asked = [];
  await advance(13_000);
  expect(asked).toEqual([]);
  expect(only()).toMatchObject({ status: "offline", reason: expect.stringContaining("link-local") });
});

test("draining and removing", async () => {
  const { id } = await cluster.add({ url, key: "k" });
  expect((await cluster.drain(url, true)).status).toBe("draining");
  await advance(10_000);
  expect(only()?.status).toBe("draining");
  expect((await cluster.drain(id, false)).status).toBe("online");
  await cluster.remove("box:8000");
  expect([cluster.nodes(), cluster.credential(id), (await registry.upstreamKeys()).size]).toEqual([[], undefined, 0]);
  asked = [];
  await advance(60_000);
  expect(asked).toEqual([]);
  await expect(cluster.remove(id)).rejects.toThrow(`node "${id}" not found`);
});

test("a router that starts again knows its nodes, and asks them at once", async () => {
  const { id } = await cluster.add({ url, key: "k", name: "big" });
  await cluster.drain(id, true);
  cluster.close();
  cluster = await open();
  expect(only()).toMatchObject({ id, status: "offline", reason: "it has not been reached yet" });
  let settled = false;
  void cluster.settled().then(() => {
    settled = true;
  });
  await settle();
  expect(settled).toBe(false);
  await advance(0);
  expect([settled, only()?.status, only()?.name, cluster.credential(id)]).toEqual([true, "draining", "big", "k"]);
});

const reading = (...names: string[]): NodeReading => ({ models: names.map((name) => ({ name, loaded: true })) });

const joined = async () => {
  answers = { "/api/node": llmlb, "/api/tags": { models: [] } };
  return await cluster.join({ url, key: routerKey }, async () => true);
};

test("who asks for a model right after a start waits for what the nodes answer, a second at the most", async () => {
  await cluster.add({ url: "box:8000" });
  cluster.close();
  cluster = await open();
  const refreshed = cluster.refresh();
  await clock.advance(0); // the first probe
  await refreshed;
  expect(only()?.modelsByName.has("mixtral")).toBe(true);

  cluster.close();
  cluster = await open(); // its node is asked by nobody's clock
  let over = false;
  const late = cluster.refresh().then(() => {
    over = true;
  });
  await settle();
  expect(over).toBe(false);
  answers = undefined;
  await clock.advance(1_000);
  await late;
});

test("a node joins with a token when it is where it says, and reports", async () => {
  answers = { "/api/node": { ...llmlb, router_key_sha256: undefined }, "/api/tags": { models: [] } };
  await expect(cluster.join({ url, key: routerKey }, async () => true)).rejects.toThrow("is not the node that asks");
  answers = openAi("mixtral");
  await expect(cluster.join({ url, key: routerKey }, async () => true)).rejects.toThrow("is not the node that asks");
  answers = { "/api/node": llmlb, "/api/tags": { models: [] } };
  await expect(cluster.join({ url, key: routerKey }, async () => false)).rejects.toThrow("the join token is unknown");
  expect(await registry.nodes()).toEqual([]);

  const { id, credential } = await joined();
  expect(only()).toMatchObject({ id, joined: true, kind: "llmlb", status: "online" });
  expect([await cluster.nodeOfCredential(credential), await cluster.nodeOfCredential("x")]).toEqual([id, undefined]);
  const sink = await cluster.openReports(id, "its-next-key-0123456789");
  expect(sink.report(reading("m"))).toBe(true);
  expect(only()?.modelsByName.has("m")).toBe(true);
  expect(cluster.credential(id)).toBe("its-next-key-0123456789");
  asked = [];
  for (let second = 0; second < 60; second += 5) {
    await advance(5_000);
    sink.report(reading("m"));
  }
  expect(asked.filter(({ path }) => path === "/api/node").length).toBeLessThanOrEqual(1); // reports are enough
  const again = await joined();
  expect([again.id, cluster.nodes().length]).toEqual([id, 1]); // the same address, the same node
});

test("three reports that do not come are degraded, six offline, the next one online", async () => {
  const { id } = await joined();
  const sink = await cluster.openReports(id);
  sink.report(reading("m"));
  await advance(14_999);
  expect(only()?.status).toBe("online");
  await advance(1);
  expect(only()).toMatchObject({ status: "degraded", reason: "it has sent no report for 15 s" });
  await advance(15_000);
  expect(only()).toMatchObject({ status: "offline", reason: "it has sent no report for 30 s" });
  sink.report(reading("m"));
  expect(only()?.status).toBe("online");
});

test("a node that reports but cannot be reached is offline until it can", async () => {
  const { id } = await joined();
  const sink = await cluster.openReports(id);
  answers = undefined;
  for (const _ of [1, 2, 3]) cluster.note(id, "unreachable");
  sink.report(reading("m"));
  expect(only()?.status).toBe("offline");
  await advance(0);
  sink.report(reading("m"));
  expect(only()?.status).toBe("offline");
  answers = { "/api/node": llmlb, "/api/tags": { models: [] } };
  for (let second = 0; second < 10; second += 5) {
    await advance(5_000);
    sink.report(reading("m"));
  }
  expect(only()?.status).toBe("online");
  expect(only()?.modelsByName.has("m")).toBe(true); // the reports, not the probe, say what it has
});

test("a stream that breaks is a node that may be dead: it is asked at once, and offline in seconds", async () => {
  const { id } = await joined();
  const sink = await cluster.openReports(id);
  sink.report(reading("m"));
  answers = undefined;
  sink.ended();
  expect(only()).toMatchObject({ status: "degraded", reason: "its reports ended without a goodbye" });
  await advance(0);
  await advance(2_000);
  expect(only()?.status).toBe("offline");
});

test("a new stream takes the place of an old one, whose end then means nothing", async () => {
  const { id } = await joined();
  const old = await cluster.openReports(id);
  const fresh = await cluster.openReports(id);
  expect([old.report(reading("old")), fresh.report(reading("fresh"))]).toEqual([false, true]);
  old.ended();
  expect([only()?.status, [...(only()?.modelsByName.keys() ?? [])]]).toEqual(["online", ["fresh", "fresh:latest"]]);
});

test("a node that says goodbye is gone at once, and comes back as itself", async () => {
  const { id, credential } = await joined();
  const sink = await cluster.openReports(id);
  sink.report(reading("m"));
  await cluster.leave(id);
  sink.ended();
  expect(cluster.nodes()).toEqual([]);
  await expect(cluster.drain(id, true)).rejects.toThrow("has left the cluster");
  cluster.close();
  cluster = await open();
  expect(cluster.nodes()).toEqual([]);
  expect(await cluster.nodeOfCredential(credential)).toBe(id);
  (await cluster.openReports(id)).report(reading("m"));
  expect(only()).toMatchObject({ id, status: "online" });
  await cluster.leave(id);
  cluster.close();
  await clock.advance(31 * 86_400_000);
  cluster = await open();
  expect(await registry.nodes()).toEqual([]); // who has been away for a month is forgotten
});
