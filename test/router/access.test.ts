import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AccessOptions, createAccess } from "../../src/router/access.ts";
import type { Registry } from "../../src/router/registry/registry.ts";
import { openSqliteRegistry } from "../../src/router/registry/sqlite-registry.ts";
import { neededScopes } from "../../src/router/route-scopes.ts";
import { createTraffic } from "../../src/router/traffic.ts";
import { manualClock } from "../fakes/manual-clock.ts";

let dir: string;
let registry: Registry;
const clock = manualClock();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-access-"));
  registry = openSqliteRegistry(join(dir, "router.db"));
});
afterEach(async () => {
  await registry.close();
  rmSync(dir, { recursive: true });
});

const openAccess = (options: Partial<AccessOptions> = {}) =>
  createAccess({ registry, clock, openWithoutKeys: true, ...options });

const request = (route: string, key?: string, header = "authorization") => {
  const [method = "", path] = route.split(" ");
  const headers = key === undefined ? {} : { [header]: header === "authorization" ? `Bearer ${key}` : key };
  return new Request(`http://router${path}`, { method, headers });
};

const [chat, list, change] = ["POST /v1/chat/completions", "GET /api/router/nodes", "POST /api/router/nodes"] as const;

test.each([
  ["POST /v1/messages", ["infer"]],
  ["POST /api/chat", ["infer"]],
  ["GET /v1/models/org/name", ["read", "infer"]],
  ["GET /api/tags", ["read", "infer"]],
  ["GET /api/router/status", ["read"]],
  ["GET /metrics", ["read"]],
  ["GET /api/router/keys", ["admin"]],
  ["DELETE /api/router/nodes/abc", ["admin"]],
  ["POST /api/pull", ["admin"]],
  ["DELETE /api/delete", ["admin"]],
  ["GET /something/new", ["admin"]],
  ["POST /api/router/join", "own"],
  ["GET /api/router/reports", "own"],
  ["POST /api/router/reports", ["admin"]],
])("%s needs %j", (route, scopes) => {
  const [method = "", path = ""] = route.split(" ");
  expect(neededScopes(method, path)).toEqual(scopes as never);
});

test("without keys all is open where the router is for this machine alone, and nothing elsewhere", async () => {
  const here = await openAccess();
  const elsewhere = await openAccess({ openWithoutKeys: false });
  for (const route of [chat, list, change]) {
    expect(here.refuse(request(route))).toBeUndefined();
    expect(here.refuse(request(route, "ollama"))).toBeUndefined(); // clients that must send something
    expect(elsewhere.refuse(request(route))?.code).toBe("unauthorized");
  }
  expect(here.caller(request(chat))).toMatchObject({ id: "", name: "anonymous" });
});

test("a key may do what its scopes say; an admin's everything; a first key that is no admin's leaves the admin's door open", async () => {
  const access = await openAccess();
  const user = await access.create({ name: "app", requests_per_minute: 9, concurrency: 2 });
  expect(user).toMatchObject({ scopes: ["infer", "read"], requests_per_minute: 9, concurrency: 2 });
  expect(access.refuse(request(change))).toBeUndefined();
  expect(access.refuse(request(chat))?.code).toBe("unauthorized");
  expect(access.caller(request(chat, user.key))).toMatchObject({ id: user.id, requestsPerMinute: 9, concurrency: 2 });
  const admin = await access.create({ name: "me", scopes: ["admin"] });
  const reader = await access.create({ name: "looker", scopes: ["read"] });
  const may = (key: string | undefined) =>
    [chat, list, change].map((route) => access.refuse(request(route, key))?.code ?? "ok");
  expect(may(undefined)).toEqual(["unauthorized", "unauthorized", "unauthorized"]);
  expect(may("wrong")).toEqual(["unauthorized", "unauthorized", "unauthorized"]);
  expect(may(user.key)).toEqual(["ok", "ok", "forbidden"]);
  expect(may(reader.key)).toEqual(["forbidden", "ok", "forbidden"]);
  expect(may(admin.key)).toEqual(["ok", "ok", "ok"]);
  expect(access.refuse(request(chat, user.key, "x-api-key"))).toBeUndefined();
  expect(access.refuse(request("POST /api/router/join"))).toBeUndefined();
  const again = await openAccess();
  expect(again.refuse(request(change, admin.key))).toBeUndefined();
  expect(JSON.stringify([again.keys(), await registry.keys()])).not.toContain(admin.key);
});

test("a key that is revoked is worthless at once; without its last admin a public router is closed", async () => {
  const access = await openAccess({ openWithoutKeys: false });
  const admin = await access.create({ name: "me", scopes: ["admin"] });
  expect(access.hasAdmin()).toBe(true);
  await access.revoke(admin.id);
  expect(access.hasAdmin()).toBe(false);
  expect(access.refuse(request(change, admin.key))?.code).toBe("unauthorized");
  expect(access.refuse(request(change))?.code).toBe("unauthorized");
  await expect(access.revoke(admin.id)).rejects.toThrow(`API key "${admin.id}" not found`);
});

test("LLMLB_API_KEY is a key that may do everything", async () => {
  const access = await openAccess({ apiKey: "from-env" });
  expect(access.hasAdmin()).toBe(true);
  expect(access.refuse(request(chat))?.code).toBe("unauthorized");
  for (const route of [chat, list, change]) expect(access.refuse(request(route, "from-env"))).toBeUndefined();
});

test("requests are counted for an hour, those under way by node", async () => {
  const traffic = createTraffic(clock);
  traffic.count();
  await clock.advance(30 * 60_000);
  traffic.count();
  traffic.count();
  expect(traffic.requestsLastHour()).toBe(3);
  await clock.advance(30 * 60_000);
  expect(traffic.requestsLastHour()).toBe(2);
  await clock.advance(60 * 60_000);
  expect(traffic.requestsLastHour()).toBe(0);
  const leaveFirst = traffic.enter("a");
  const leaveSecond = traffic.enter("a");
  expect([traffic.inFlight("a"), traffic.inFlight("b")]).toEqual([2, 0]);
  leaveFirst();
  leaveSecond();
  expect(traffic.inFlight("a")).toBe(0);
});
