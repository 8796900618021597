import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "../../src/router/registry/migrations.ts";
import type { Registry, StoredNode } from "../../src/router/registry/registry.ts";
import { hashSecret, newId, newSecret } from "../../src/router/registry/secret.ts";
import { openSqliteRegistry } from "../../src/router/registry/sqlite-registry.ts";

let dir: string;
let file: string;
let registry: Registry;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-registry-"));
  file = join(dir, "home", "router.db");
  registry = openSqliteRegistry(file);
});

afterEach(async () => {
  await registry.close();
  rmSync(dir, { recursive: true });
});

const reopen = async () => {
  await registry.close();
  registry = openSqliteRegistry(file);
};

const node: StoredNode = {
  id: "abc234",
  url: "http://box:11434",
  name: "box",
  kind: "ollama",
  joined: false,
  draining: false,
  addedAtMs: 1,
};

test("nodes, keys and tokens are there after it was opened again", async () => {
  await registry.saveNode(node);
  await registry.saveNode({ ...node, draining: true, leftAtMs: 7 });
  const key = { id: "k", name: "ci", hash: "h", scopes: ["infer"] as const, requestsPerMinute: 9, createdAtMs: 1 };
  await registry.addKey(key);
  await registry.addToken({ id: "t", hash: "th", createdAtMs: 1, expiresAtMs: 9 });
  await reopen();
  expect(await registry.nodes()).toEqual([{ ...node, draining: true, leftAtMs: 7 }]);
  expect(await registry.keys()).toEqual([{ ...key, scopes: ["infer"] }]);
  expect(await registry.tokens()).toEqual([{ id: "t", createdAtMs: 1, expiresAtMs: 9 }]);
  expect([await registry.removeKey("k"), await registry.removeKey("k")]).toEqual([true, false]);
});

test("two nodes cannot have one address", async () => {
  await registry.saveNode(node);
  await expect(registry.saveNode({ ...node, id: "other" })).rejects.toThrow("UNIQUE");
});

test("a token works once, and not after it expired", async () => {
  await registry.addToken({ id: "a", hash: "one", createdAtMs: 0, expiresAtMs: 100 });
  await registry.addToken({ id: "b", hash: "two", createdAtMs: 0, expiresAtMs: 100 });
  expect([await registry.hasToken("one", 99), await registry.hasToken("none", 99)]).toEqual([true, false]);
  expect([await registry.takeToken("one", 99), await registry.takeToken("one", 99)]).toEqual([true, false]);
  expect([await registry.hasToken("two", 100), await registry.takeToken("two", 100)]).toEqual([false, false]);
  await registry.addToken({ id: "c", hash: "three", createdAtMs: 100, expiresAtMs: 200 });
  expect((await registry.tokens()).map(({ id }) => id)).toEqual(["c"]); // the expired one is gone
});

test("a node's credential and key go with the node", async () => {
  await registry.saveNode(node);
  await registry.saveCredential(node.id, "old");
  await registry.saveCredential(node.id, "new");
  await registry.saveUpstreamKey(node.id, "secret");
  expect([await registry.nodeOfCredential("old"), await registry.nodeOfCredential("new")]).toEqual([
    undefined,
    node.id,
  ]);
  await reopen();
  expect([...(await registry.upstreamKeys())]).toEqual([[node.id, "secret"]]);
  await registry.removeNode(node.id);
  expect(await registry.nodeOfCredential("new")).toBeUndefined();
  expect((await registry.upstreamKeys()).size).toBe(0);
});

test("only the user reads the files, and no secret of a node stands in the database", async () => {
  await registry.saveNode(node);
  await registry.saveUpstreamKey(node.id, "upstream-secret");
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  for (const name of readdirSync(join(dir, "home")).filter((entry) => !entry.endsWith("-keys")))
    expect([name, modeOf(join(dir, "home", name))]).toEqual([name, "600"]);
  expect(modeOf(`${file}-keys`)).toBe("700");
  expect(modeOf(join(`${file}-keys`, node.id))).toBe("600");
  await registry.close();
  expect(readFileSync(file, "latin1")).not.toContain("upstream-secret");
  registry = openSqliteRegistry(file);
});

test("whatever was told to be safe survives a kill, again and again", async () => {
  const other = join(dir, "killed.db");
  for (let round = 0; round < 3; round++) {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "registry-child.ts"), other], { stdout: "pipe" });
    let output = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      output += decoder.decode(chunk);
      if (output.split("\n").length > 20) child.kill("SIGKILL");
    }
    await child.exited;
    const told = output.split("\n").slice(0, -1);
    const after = openSqliteRegistry(other);
    const ids = new Set((await after.nodes()).map(({ id }) => id));
    expect(told.filter((id) => !ids.has(id))).toEqual([]);
    await after.close();
  }
});

test("a second router on the same file, a file that is no database and one from the future are refused in a line", () => {
  expect(() => openSqliteRegistry(file)).toThrow(`another router uses ${file}; LLMLB_ROUTER_DB gives`);
  const text = join(dir, "text.db");
  writeFileSync(text, "not a database, but long enough for its header".repeat(30));
  expect(() => openSqliteRegistry(text)).toThrow(`${text} is not a database of an llmlb router`);
  const future = join(dir, "future.db");
  const database = new Database(future);
  database.run("PRAGMA user_version = 99");
  database.close();
  expect(() => openSqliteRegistry(future)).toThrow("written by a newer llmlb (version 99");
});

test("a database of an older version takes only the steps that it lacks; a step that fails leaves nothing", () => {
  const database = new Database(":memory:");
  const steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1)"];
  migrate(database, steps.slice(0, 1));
  migrate(database, steps);
  migrate(database, steps);
  expect(database.query("SELECT * FROM a").all()).toEqual([{ x: 1 }]);
  expect(() => migrate(database, [...steps, "INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1)"])).toThrow();
  expect(database.query("SELECT * FROM a").all()).toEqual([{ x: 1 }]);
  expect(database.query("PRAGMA user_version").get()).toEqual({ user_version: 2 });
});

test("secrets are long and say what they are; ids are short and never taken", () => {
  expect(newSecret("llmlb-key-")).toMatch(/^llmlb-key-[\w-]{32}$/);
  expect(hashSecret("a")).toHaveLength(64);
  let asked = 0;
  expect(newId(() => asked++ < 3)).toMatch(/^[a-z2-9]{6}$/);
  expect(asked).toBe(4);
});
