import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/config.ts";
import { version } from "../../src/core/version.ts";
import { askServer, type Occupant, whyNotListen } from "../../src/doctor/ask-server.ts";
import { describe as describeServer, type Place, placesOf } from "../../src/doctor/checks/servers.ts";

const node: Place = { role: "node", baseUrl: "http://127.0.0.1:9", hostname: "127.0.0.1", port: 9, isOwn: true };

/** A server that says `root` at `/`, and `report` at `/api/node`; with a key it wants that. */
const serve = (root: string, report: object = {}, key?: string) => {
  const keys: (string | null)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const given = request.headers.get("authorization");
      keys.push(given);
      if (new URL(request.url).pathname === "/") return new Response(root);
      if (key !== undefined && given !== `Bearer ${key}`) return Response.json({ error: "no" }, { status: 401 });
      return Response.json(report);
    },
  });
  return {
    baseUrl: `http://127.0.0.1:${server.port}`,
    port: server.port ?? 0,
    keys,
    [Symbol.asyncDispose]: async () => await server.stop(true),
  };
};

test.each<[string, object, Occupant]>([
  [
    "llmlb is running",
    { version: "1.2.3", models: [{}, {}] },
    { kind: "llmlb", role: "node", version: "1.2.3", models: 2 },
  ],
  [
    "llmlb router is running",
    { version: "1.2.3", models: [] },
    { kind: "llmlb", role: "router", version: "1.2.3", models: 0 },
  ],
  ["Ollama is running", {}, { kind: "ollama" }],
  ["<!doctype html>\n<p>", {}, { kind: "other", says: '"<!doctype html>"' }],
  ["", {}, { kind: "other", says: "nothing" }],
])("who says %p", async (root, report, occupant) => {
  await using server = serve(root, report);
  expect(await askServer(server.baseUrl, undefined)).toEqual(occupant);
});

test("the key goes to who says that it is llmlb, and to nobody else", async () => {
  await using own = serve("llmlb is running", { version, models: [] }, "key");
  expect(await askServer(own.baseUrl, "key")).toMatchObject({ kind: "llmlb" });
  expect(own.keys).toEqual([null, "Bearer key"]);
  expect(await askServer(own.baseUrl, "another")).toEqual({ kind: "locked", role: "node" });
  await using stranger = serve("hello");
  await askServer(stranger.baseUrl, "key");
  expect(stranger.keys).toEqual([null]);
});

test("a port that nobody has is free, one of a program without HTTP is not", async () => {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end("220 mail\r\n") },
  });
  const baseUrl = `http://127.0.0.1:${listener.port}`;
  expect(await askServer(baseUrl, undefined)).toMatchObject({ kind: "other" });
  expect(whyNotListen("127.0.0.1", listener.port)).toBeDefined();
  listener.stop(true);
  expect(await askServer(baseUrl, undefined)).toEqual({ kind: "nobody", reason: "nobody answers" });
  expect(whyNotListen("127.0.0.1", listener.port)).toBeUndefined();
});

test("what is said of each", () => {
  const levelOf = (place: Place, seen: Parameters<typeof describeServer>[1]) => describeServer(place, seen).level;
  const running = { kind: "llmlb", role: "node", models: 1 } as const;
  expect(levelOf(node, { ...running, version })).toBe("ok");
  expect(describeServer(node, { ...running, version: "0.0.1" })).toMatchObject({
    level: "warning",
    text: `http://127.0.0.1:9: a node of llmlb 0.0.1, 1 loaded model; this is ${version}`,
  });
  expect(levelOf(node, { kind: "locked", role: "node" })).toBe("problem");
  expect(levelOf(node, { kind: "ollama" })).toBe("problem");
  expect(levelOf({ ...node, role: "router" }, { kind: "other", says: "x" })).toBe("warning");
  expect(levelOf(node, { kind: "refused", reason: "EACCES" })).toBe("problem");
  const free = { kind: "nobody", reason: "nobody answers" } as const;
  expect(levelOf(node, free)).toBe("ok");
  expect(levelOf({ ...node, variable: "LLMLB_HOST" }, free)).toBe("warning");
  expect(levelOf({ ...node, isOwn: false, variable: "LLMLB_HOST" }, free)).toBe("problem");
});

test("each address is looked at once, with the variable that names it", () => {
  const places = (env: Record<string, string>) => {
    const all = { HOME: "/home/u", ...env };
    return placesOf(loadConfig(all), all).map(({ role, baseUrl, variable }) => [role, baseUrl, variable]);
  };
  expect(places({})).toEqual([
    ["node", "http://127.0.0.1:32769", undefined],
    ["router", "http://127.0.0.1:32768", undefined],
  ]);
  expect(places({ LLMLB_HOST: "box:1", LLMLB_ROUTER_URL: "https://box:2" })).toEqual([
    ["node", "http://box:1", "LLMLB_HOST"],
    ["router", "http://127.0.0.1:32768", undefined],
    ["router", "https://box:2", "LLMLB_ROUTER_URL"],
  ]);
});
