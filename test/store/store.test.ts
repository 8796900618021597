import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { openStore } from "../../src/store/open-store.ts";
import { newModel, ref, storeHarness } from "./store-harness.ts";

const blobs = (dir: string) => readdirSync(join(dir, "blobs"));

test("an empty store is made by nobody who only looks", () => {
  using harness = storeHarness();
  expect(harness.store.list()).toEqual([]);
  expect(harness.store.find(ref("org/name"))).toBeUndefined();
  expect(() => harness.store.get(ref("org/name:Q8_0"))).toThrow('model "org/name:Q8_0" not found');
  expect(existsSync(harness.dir)).toBe(false);
});

test("a published model is found by every name it has, in any letter case", async () => {
  using harness = storeHarness();
  const model = await harness.add("Org/Llama-3.2-3B-Instruct-GGUF:Q4_K_M", 1);
  await harness.add("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0", 2);
  const names = [
    "org/llama-3.2-3b-instruct-gguf",
    "ORG/Llama-3.2-3B-Instruct-GGUF:latest",
    "org/llama-3.2-3b-instruct-gguf:q4_k_m",
    "hf.co/org/llama-3.2-3b-instruct-gguf",
    "org/llama-3.2-3b-instruct-gguf:Llama-3.2-3B-Instruct-GGUF-Q4_K_M.gguf",
    "org/llama-3.2-3b-instruct-gguf@ccccccccc",
    "llama3.2-3b",
    "LLAMA3.2-3B:latest",
    "llama3.2-3b:q4_k_m",
  ];
  for (const name of names) expect(harness.store.get(ref(name)).id).toBe(model.id);
  expect(harness.store.get(ref("llama3.2-3b:Q8_0")).name).toBe("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  for (const name of ["org/llama", "org/llama-3.2-3b-instruct-gguf:Q2_K", "llama3.2-3b:Q2_K", "ollama:llama3.2-3b"])
    expect(harness.store.find(ref(name))).toBeUndefined();
  expect(harness.store.find(ref("org/llama-3.2-3b-instruct-gguf@dddddddd"))).toBeUndefined();
});

test("a model's id is the sha256 of its manifest and survives its use, which is the file's time", async () => {
  using harness = storeHarness();
  const model = await harness.add("org/name", 1);
  const path = harness.store.layout.manifest(model.manifest.model);
  expect(model.id).toBe(createHash("sha256").update(readFileSync(path)).digest("hex"));
  harness.store.touch(model, 1_600_000_000_000);
  expect(statSync(path).mtimeMs).toBe(1_600_000_000_000);
  for (const store of [harness.store, openStore(harness.dir)])
    expect(store.get(ref("org/name"))).toMatchObject({ id: model.id, lastUsedMs: 1_600_000_000_000 });
});

test("listing shows the last used first", async () => {
  using harness = storeHarness();
  const first = await harness.add("org/first", 1);
  const second = await harness.add("org/second", 2);
  harness.store.touch(first, 2_000_000_000_000);
  harness.store.touch(second, 1_000_000_000_000);
  expect(
    openStore(harness.dir)
      .list()
      .map(({ name }) => name),
  ).toEqual(["org/first", "org/second"]);
});

test("a clash takes the longer alias, then none; another model's alias is never taken", async () => {
  using harness = storeHarness();
  const first = await harness.add("one/Qwen3-4B-GGUF:Q4_K_M", 1);
  const second = await harness.add("two/Qwen3-4B-Instruct-GGUF:Q4_K_M", 2);
  const third = await harness.add("three/qwen3-4b:Q4_K_M", 3);
  expect([first.aliases, second.aliases, third.aliases]).toEqual([["qwen3-4b"], ["qwen3-4b-q4_k_m"], []]);
  const again = await harness.add("one/Qwen3-4B-GGUF:Q4_K_M", 4);
  expect(again.aliases).toEqual(["qwen3-4b"]);
  expect(harness.store.get(ref("qwen3-4b")).id).toBe(again.id);
});

test("rm deletes manifest, alias and blob at once, and frees what only it used", async () => {
  using harness = storeHarness();
  const model = await harness.add("org/one", 1);
  await harness.add("org/two", 1);
  await harness.add("org/three", 3);
  expect(blobs(harness.dir)).toHaveLength(2);
  expect(await harness.store.remove(ref("org/one"))).toEqual({ name: "org/one", freedBytes: 0 });
  expect(harness.store.find(ref("one"))).toBeUndefined();
  expect(blobs(harness.dir)).toHaveLength(2);
  expect(await harness.store.remove(ref("ORG/TWO"))).toEqual({ name: "org/two", freedBytes: model.sizeBytes });
  expect(blobs(harness.dir)).toHaveLength(1);
  expect(harness.store.list().map(({ name }) => name)).toEqual(["org/three"]);
  expect(await harness.store.remove(ref("org/one")).catch((error: Error) => error.message)).toBe(
    'model "org/one" not found',
  );
  await harness.store.remove(ref("three"));
  expect(blobs(harness.dir)).toEqual([]);
  expect(readdirSync(join(harness.dir, "aliases"))).toEqual([]);
  expect(readdirSync(join(harness.dir, "manifests"))).toEqual([]);
});

test("broken and foreign files are skipped with one warning each, and blobs that they name are kept", async () => {
  using harness = storeHarness();
  const model = await harness.add("org/name", 1);
  const path = harness.store.layout.manifest(model.manifest.model);
  const text = readFileSync(path, "utf8");
  const foreign: Record<string, string> = {
    "broken.json": text.slice(0, -20),
    "newer.json": text.replace('"schemaVersion": 1', '"schemaVersion": 99'),
    "escape.json": text.replace('"tag": "Q4_K_M"', '"tag": "../../x"'),
    "elsewhere.json": text,
    "notes.txt": "hello",
  };
  for (const [name, content] of Object.entries(foreign)) writeFileSync(join(dirname(path), name), content);
  writeFileSync(join(harness.dir, "manifests", "stray"), "x");
  mkdirSync(join(harness.dir, "aliases"), { recursive: true });
  writeFileSync(join(harness.dir, "aliases", "bad.json"), "{");
  const warnings: string[] = [];
  const ignore = () => undefined;
  const log = {
    info: ignore,
    debug: ignore,
    trace: ignore,
    error: ignore,
    warn: (line: string) => void warnings.push(line),
  };
  const store = openStore(harness.dir, { log, clock: harness.clock });
  expect(store.list().map(({ name }) => name)).toEqual(["org/name"]);
  await harness.clock.advance(60_000);
  store.list();
  expect(warnings).toHaveLength(5);
  expect(warnings.join("\n")).toContain("a newer llmlb wrote it");
  await store.remove(ref("org/name"));
  expect(blobs(harness.dir)).toHaveLength(1);
});

test("a model whose file is gone or short is refused with advice", async () => {
  using harness = storeHarness();
  const model = await harness.add("org/name", 1);
  const path = harness.store.modelPath(model);
  truncateSync(path, 100);
  expect(() => harness.store.modelPath(model)).toThrow(
    'the file of model "org/name" has 100 of 20001 bytes; pull it again',
  );
  rmSync(path);
  expect(() => harness.store.modelPath(model)).toThrow('the file of model "org/name" is missing; pull it again');
});

test("digests and names that would leave the folder are refused before they touch a path", () => {
  using harness = storeHarness();
  const { layout, blobPath } = harness.store;
  for (const digest of ["sha256:../../etc/passwd", "sha256:abc", `sha256:${"A".repeat(64)}`, `md5:${"a".repeat(64)}`])
    expect(() => blobPath(digest)).toThrow("invalid digest");
  for (const part of ["..", ".", "a/b", "a\\b", "", "a..b", "-x", "a\0b"])
    expect(() => layout.manifest({ host: "h", org: "o", name: part, tag: "t" })).toThrow("invalid model name");
  expect(() => layout.alias("../x")).toThrow("invalid alias");
  expect(() => layout.partial("../x")).toThrow("invalid download id");
});

test("another process's publication and removal are seen at once", async () => {
  using harness = storeHarness();
  const other = openStore(harness.dir, { clock: harness.clock });
  expect(other.list()).toEqual([]);
  await harness.add("org/name", 1);
  expect(other.list().map(({ name }) => name)).toEqual(["org/name"]);
  await harness.store.remove(ref("org/name"));
  expect(other.list()).toEqual([]);
});

test("a blob freed between a pull's look and its publication is reported, not published", async () => {
  using harness = storeHarness();
  await harness.add("org/name", 1);
  const request = await newModel(harness.store, "org/copy", 1);
  const stored = {
    ...request,
    files: request.files.map((file) => ({ ...file, content: { kind: "stored" as const } })),
  };
  await harness.store.remove(ref("org/name"));
  expect(await harness.store.publish(stored)).toEqual({
    kind: "blobsMissing",
    digests: request.files.map(({ digest }) => digest),
  });
  expect(harness.store.list()).toEqual([]);
});

test("a file that is no usable GGUF is not published", async () => {
  using harness = storeHarness();
  const request = await newModel(harness.store, "org/name", 1);
  const [file] = request.files;
  if (file?.content.kind !== "partial") throw new Error("expected a partial");
  truncateSync(file.content.path, 1000);
  expect(await harness.store.publish(request).catch((error: Error) => error.message)).toContain(
    "is not a usable GGUF file",
  );
  expect(harness.store.list()).toEqual([]);
});

test("many publications and removals at once leave every remaining model whole", async () => {
  using harness = storeHarness();
  const stores = [harness.store, openStore(harness.dir)];
  const names = Array.from({ length: 12 }, (_, index) => `org/model-${index}`);
  await Promise.all(names.map((name, index) => harness.add(name, index % 3)));
  await Promise.all(
    names.filter((_, index) => index % 2 === 0).map((name, index) => stores[index % 2]?.remove(ref(name))),
  );
  const left = openStore(harness.dir).list();
  expect(left.map(({ name }) => name).sort()).toEqual(names.filter((_, index) => index % 2 === 1).sort());
  for (const model of left) expect(statSync(harness.store.modelPath(model)).size).toBe(model.sizeBytes);
});
