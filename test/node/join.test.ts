import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import { advertisedUrl } from "../../src/node/join/advertised-url.ts";
import { openMembership } from "../../src/node/join/membership.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-join-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

const advertised = (flags: Record<string, string>) => {
  const config = loadConfig({ HOME: dir, LLMLB_ROUTER_URL: "http://router:32768" }, flags);
  if (!config.join) throw new Error("no router");
  return advertisedUrl(
    config,
    config.join,
    4711,
    async (host, port) => `::ffff:10.0.0.${host === "router" && port / 32768}`,
  );
};

test.each<[Record<string, string>, string]>([
  [{}, "http://127.0.0.1:4711"],
  [{ host: "192.168.1.10" }, "http://192.168.1.10:4711"],
  [{ host: "fd12::1" }, "http://[fd12::1]:4711"],
  [{ host: "0.0.0.0" }, "http://10.0.0.1:4711"],
  [{ host: "::" }, "http://10.0.0.1:4711"],
  [{ host: "0.0.0.0", advertise: "gpu-box" }, "http://gpu-box:4711"],
  [{ advertise: "gpu-box:80" }, "http://gpu-box:80"],
  [{ advertise: "https://gpu.example/llm/" }, "https://gpu.example:443/llm"],
  [{ tlsCert: "c", tlsKey: "k", advertise: "gpu-box" }, "https://gpu-box:4711"],
  [{ tlsCert: "c", tlsKey: "k" }, "https://127.0.0.1:4711"],
])("a node started with %j is reached at %s", async (flags, url) => expect(await advertised(flags)).toBe(url));

test("joining is asked for by a router's URL alone", () => {
  expect(loadConfig({ HOME: dir }).join).toBeUndefined();
  expect(loadConfig({ HOME: dir, LLMLB_JOIN_TOKEN: "t" }).join).toBeUndefined(); // as the environment of a whole machine may have it
  expect(loadConfig({ HOME: dir, LLMLB_JOIN_TOKEN: "t" }, { router: "box" }).join).toEqual({
    routerUrl: "http://box:32768",
    token: "t",
    dir: join(dir, ".llmlb", "joined"),
  });
  expect(() => loadConfig({ HOME: dir }, { joinToken: "t" })).toThrow("--join-token and --advertise need --router");
  expect(() => loadConfig({ HOME: dir }, { router: "box", advertise: "a b" })).toThrow('invalid --advertise "a b"');
});

test("a membership is kept for each router and each address, for this user alone", () => {
  const kept = join(dir, "kept");
  const first = openMembership(kept, "http://router:1", "http://node:1");
  expect(first.read()).toBeUndefined();
  first.save("old");
  first.save("credential");
  expect(openMembership(kept, "http://router:1", "http://node:1").read()).toBe("credential");
  expect(openMembership(kept, "http://router:1", "http://node:2").read()).toBeUndefined();
  expect(openMembership(kept, "http://router:2", "http://node:1").read()).toBeUndefined();
  expect(readdirSync(kept).map((file) => statSync(join(kept, file)).mode & 0o777)).toEqual([0o600]);
  first.forget();
  expect(first.read()).toBeUndefined();
});
