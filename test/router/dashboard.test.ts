import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDashboardWorld, type DashboardWorld } from "../fakes/dashboard-world.ts";

let world: DashboardWorld;
const key = "owner-key";
beforeAll(async () => {
  world = await createDashboardWorld({ apiKey: key });
});
afterAll(() => world[Symbol.asyncDispose]());

const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const ask = (path: string, init: RequestInit = {}) => fetch(world.address + path, init);
const page = async () => await (await ask("/", { headers: browser })).text();
const assets = async () => [...(await page()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);

test("browsers get the page, everything else a sign of life", async () => {
  for (const headers of [{}, { accept: "*/*" }, { accept: "application/json" }]) {
    const plain = await ask("/", { headers });
    expect([plain.status, await plain.text(), plain.headers.get("vary")]).toEqual([
      200,
      "llmlb router is running",
      "Accept",
    ]);
  }
  const shown = await ask("/", { headers: browser });
  expect([shown.status, shown.headers.get("content-type"), shown.headers.get("vary")]).toEqual([
    200,
    "text/html; charset=utf-8",
    "Accept",
  ]);
  for (const headers of [{}, browser]) {
    const head = await ask("/", { method: "HEAD", headers });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  }
});

test("nothing of the page is inline, and nothing of it comes from elsewhere", async () => {
  const { headers } = await ask("/", { headers: browser });
  const policy = headers.get("content-security-policy") ?? "";
  for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"])
    expect(policy.split("; ")).toContain(rule);
  expect(policy).not.toContain("unsafe");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  const html = await page();
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  const paths = await assets();
  expect(paths.length).toBeGreaterThanOrEqual(3);
  expect(paths.filter((path) => !/^\/dashboard\/[\w-]+\.(js|css|svg)$/.test(path))).toEqual([]);
});

test("files are kept for ever, the page is asked for again", async () => {
  const shown = await ask("/", { headers: browser });
  const etag = shown.headers.get("etag") ?? "";
  expect([shown.headers.get("cache-control"), etag.length]).toEqual(["no-cache", 34]);
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`]) {
    const again = await ask("/", { headers: { ...browser, "if-none-match": tag } });
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
  }
  expect((await ask("/", { headers: { ...browser, "if-none-match": '"other"' } })).status).toBe(200);
  for (const path of await assets()) {
    const { status, headers } = await ask(path);
    expect([status, headers.get("cache-control")]).toEqual([200, "public, max-age=31536000, immutable"]);
    expect((await ask(path, { method: "HEAD" })).status).toBe(200);
  }
});

test("where keys are needed, only the page itself is for all", async () => {
  for (const path of await assets()) expect((await ask(path)).status).toBe(200);
  for (const path of ["activity", "nodes", "models", "status", "keys"]) {
    expect((await ask(`/api/router/${path}`)).status).toBe(401);
    expect((await ask(`/api/router/${path}`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
  }
  const reader = await world.access.create({ name: "looker", scopes: ["read"] });
  const asReader = { headers: { authorization: `Bearer ${reader.key}` } };
  expect((await ask("/api/router/activity", asReader)).status).toBe(200);
  expect((await ask("/api/router/keys", asReader)).status).toBe(403);
  const user = await world.access.create({ name: "user", scopes: ["infer"] });
  expect((await ask("/api/router/activity", { headers: { authorization: `Bearer ${user.key}` } })).status).toBe(403);
});

test.each(["page.html", "nothing.js", "..%2f..%2fpackage.json", "%00"])("no file %s", async (name) => {
  expect((await ask(`/dashboard/${name}`)).status).toBe(404);
});

test("an unknown span is refused", async () => {
  const answer = await ask("/api/router/activity?span=years", { headers: { authorization: `Bearer ${key}` } });
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { error: 'invalid span "years": expected minutes or hours' },
  ]);
});

test("two builds are the same, byte for byte, and tell nothing of the machine", async () => {
  await using again = await createDashboardWorld();
  const hashes = ({ files }: DashboardWorld) => files.map(({ name, sha256 }) => [name, sha256]);
  expect(hashes(again)).toEqual(hashes(world));
  for (const { path } of world.files) expect(await Bun.file(path).text()).not.toContain(process.cwd());
});
