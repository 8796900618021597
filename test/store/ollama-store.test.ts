import { expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { silentLog } from "../../src/core/log.ts";
import { readOllamaTexts } from "../../src/store/ollama-settings.ts";
import { openStore, type Store } from "../../src/store/open-store.ts";
import { type OllamaFolder, ollamaFolder } from "../fakes/ollama-folder.ts";
import { ref, type StoreHarness, storeHarness } from "./store-harness.ts";

const library = (path: string) => `registry.ollama.ai/library/${path}`;
const llama = { model_format: "gguf", model_family: "llama", model_type: "3.2B", file_type: "Q4_K_M" };

interface World extends Disposable {
  harness: StoreHarness;
  folder: OllamaFolder;
  store: Store;
  warnings: string[];
}

const world = (more: string[] = []): World => {
  const harness = storeHarness();
  const folder = ollamaFolder(join(harness.dir, "../ollama"));
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) };
  const store = openStore(harness.dir, { clock: harness.clock, log, ollamaDirs: [folder.root, ...more] });
  return { harness, folder, store, warnings, [Symbol.dispose]: () => harness[Symbol.dispose]() };
};

const names = (store: Store) => store.list().map(({ name }) => name);

test("a folder that is not there is an empty store, and nothing is made", () => {
  using w = world();
  expect(w.store.list()).toEqual([]);
  expect(w.store.find(ref("ollama:llama3.2"))).toBeUndefined();
  expect(existsSync(w.folder.root) || existsSync(w.harness.dir)).toBe(false);
  expect(w.warnings).toEqual([]);
});

test("every name is as short as Ollama writes it, and found in any letter case", () => {
  using w = world();
  const paths: [string, string][] = [
    [library("llama3.2/latest"), "ollama:llama3.2"],
    [library("llama3.2/1b"), "ollama:llama3.2:1b"],
    ["registry.ollama.ai/user/model/latest", "ollama:user/model"],
    ["hf.co/org/Name-GGUF/Q4_K_M", "ollama:hf.co/org/Name-GGUF:Q4_K_M"],
    ["localhost:5000/library/mine/v1", "ollama:localhost:5000/library/mine:v1"],
  ];
  const ids = paths.map(([path]) => w.folder.add({ path, config: llama, layers: [["model", path]] }).id);
  expect(names(w.store).sort()).toEqual(paths.map(([, name]) => name).sort());
  for (const [index, [, name]] of paths.entries()) {
    expect(w.store.get(ref(name)).id).toBe(ids[index] ?? "");
    expect(w.store.get(ref(`ollama:${name.slice(7).toUpperCase()}`)).id).toBe(ids[index] ?? "");
  }
  expect(w.store.get(ref("ollama:registry.ollama.ai/library/llama3.2:latest")).name).toBe("ollama:llama3.2");
  expect(w.store.find(ref("llama3.2"))).toBeUndefined();
  expect(w.store.find(ref("ollama:a/b/c/d"))).toBeUndefined();
});

test("two models whose names differ by case are two", () => {
  using w = world();
  const [upper, lower] = ["Twin/latest", "twin/latest"].map((path) => {
    return w.folder.add({ path: library(path), layers: [["model", path]] }).id;
  });
  expect([w.store.get(ref("ollama:Twin")).id, w.store.get(ref("ollama:twin")).id]).toEqual([upper, lower] as never);
});

test("a model is shown from its manifest and its config alone", () => {
  using w = world();
  const { id } = w.folder.add({ path: library("a/latest"), config: llama, layers: [["model", "no GGUF at all"]] });
  const [model] = w.store.list();
  expect(model).toMatchObject({
    id,
    name: "ollama:a",
    sizeBytes: 14 + JSON.stringify(llama).length,
    aliases: [],
    manifest: { details: { architecture: "llama", quantization: "Q4_K_M", parameterCount: 3.2e9, format: "gguf" } },
  });
});

test("own models and Ollama's are one list, the last used first; its array stays until something changes", async () => {
  using w = world();
  const { path } = w.folder.add({ path: library("b/latest"), layers: [["model", "b"]] });
  const own = await w.harness.add("org/own", 1);
  utimesSync(path, 1_000, 1_000);
  w.store.touch(own, 2_000_000);
  expect(names(w.store)).toEqual(["org/own", "ollama:b"]);
  const before = w.store.list();
  await w.harness.clock.advance(5_000);
  expect(w.store.list()).toBe(before);
  const used = w.store.touch(w.store.get(ref("ollama:b")), 3_000_000);
  expect(used.lastUsedMs).toBe(3_000_000);
  expect(names(w.store)).toEqual(["ollama:b", "org/own"]);
});

test("the last use is a file of llmlb's own, which another process reads; a newer pull by Ollama counts too", async () => {
  using w = world();
  const { path } = w.folder.add({ path: library("b/latest"), layers: [["model", "b"]] });
  utimesSync(path, 1_000, 1_000);
  const before = w.folder.snapshot();
  w.store.touch(w.store.get(ref("ollama:b")), 3_000_000);
  w.store.touch(w.store.get(ref("ollama:b")), 4_000_000);
  expect(w.folder.snapshot()).toEqual(before);
  const other = openStore(w.harness.dir, { clock: w.harness.clock, ollamaDirs: [w.folder.root] });
  expect(other.get(ref("ollama:b")).lastUsedMs).toBe(4_000_000);
  utimesSync(path, 5_000, 5_000);
  await w.harness.clock.advance(1_000);
  expect(other.get(ref("ollama:b")).lastUsedMs).toBe(5_000_000);
});

test("what Ollama adds, pulls again and removes shows within a second", async () => {
  using w = world();
  w.folder.add({ path: library("a/latest"), layers: [["model", "a"]] });
  expect(names(w.store)).toEqual(["ollama:a"]);
  const again = w.folder.add({ path: library("a/latest"), layers: [["model", "a2"]] });
  w.folder.add({ path: library("b/latest"), layers: [["model", "b"]] });
  await w.harness.clock.advance(1_000);
  expect(names(w.store).sort()).toEqual(["ollama:a", "ollama:b"]);
  expect(w.store.get(ref("ollama:a")).id).toBe(again.id);
  rmSync(again.path);
  await w.harness.clock.advance(1_000);
  expect(names(w.store)).toEqual(["ollama:b"]);
});

test("a name in two folders is the first one's", () => {
  using harness = storeHarness();
  const [first, second] = ["one", "two"].map((name) => ollamaFolder(join(harness.dir, "..", name)));
  const kept = first?.add({ path: library("a/latest"), layers: [["model", "first"]] });
  second?.add({ path: library("a/latest"), layers: [["model", "second"]] });
  second?.add({ path: library("b/latest"), layers: [["model", "b"]] });
  const store = openStore(harness.dir, { ollamaDirs: [first?.root ?? "", second?.root ?? ""] });
  expect(names(store).sort()).toEqual(["ollama:a", "ollama:b"]);
  expect(store.get(ref("ollama:a")).id).toBe(kept?.id ?? "");
});

test("garbage, strays and hostile names are skipped; what is no manifest is told once", async () => {
  using w = world();
  w.folder.add({ path: library("good/latest"), layers: [["model", "x"]] });
  w.folder.addManifest(library("garbage/latest"), "{");
  w.folder.addManifest(library("binary/latest"), new Uint8Array([0, 255, 1]));
  w.folder.addManifest(library("stray"), "x");
  w.folder.addManifest(".DS_Store", "x");
  w.folder.addManifest(library(".hidden/latest"), "{}");
  w.folder.addManifest(library("a b/la test"), "{}");
  w.folder.addManifest(library("a..b/latest"), "{}");
  w.folder.addManifest(library("\u001b[31m/latest"), "{}");
  mkdirSync(join(w.folder.root, "manifests", library("folder/latest")), { recursive: true });
  const huge = w.folder.addManifest(library("huge/latest"), "{}");
  truncateSync(huge.path, 10_000_000_000); // sparse: it takes no space, and reading it would take all memory
  symlinkSync("/dev/zero", join(dirname(huge.path), "endless"));
  expect(names(w.store)).toEqual(["ollama:good"]);
  await w.harness.clock.advance(5_000);
  w.store.list();
  expect(w.warnings.map((line) => /skipping .*library\/(.*)$/.exec(line)?.[1]).sort()).toEqual([
    "binary/latest: it is not a JSON object",
    "garbage/latest: it is not a JSON object",
    "huge/latest: it is too large",
  ]);
});

test("a model without a config, or with one that is gone, huge or garbage, is listed all the same", () => {
  using w = world();
  const model = { mediaType: "application/vnd.ollama.image.model", digest: w.folder.addBlob("m").digest, size: 1 };
  const garbage = w.folder.addBlob("{{{");
  const huge = w.folder.addBlob("huge");
  truncateSync(huge.path, 10_000_000_000);
  const configs = { none: undefined, gone: { digest: `sha256:${"0".repeat(64)}` }, garbage, huge };
  for (const [name, config] of Object.entries(configs))
    w.folder.addManifest(library(`${name}/latest`), JSON.stringify({ config, layers: [model] }));
  expect(names(w.store).sort()).toEqual(["ollama:garbage", "ollama:gone", "ollama:huge", "ollama:none"]);
  for (const one of w.store.list()) expect(existsSync(w.store.modelPath(one))).toBe(true);
});

test("the last model layer counts; adapters and the projector are told; older names of blobs are found", () => {
  using w = world();
  w.folder.add({
    path: library("a/latest"),
    layers: [
      ["model", "first"],
      ["model", "second"],
      ["adapter", "one"],
      ["projector", "eyes"],
      ["adapter", "two"],
    ],
  });
  const model = w.store.get(ref("ollama:a"));
  const size = (path: string | undefined) => statSync(path ?? "").size;
  expect(size(w.store.modelPath(model))).toBe("second".length);
  expect(w.store.adapterPaths(model).map(size)).toEqual([3, 3]);
  expect(size(w.store.projectorPath(model))).toBe("eyes".length);
  const path = w.store.modelPath(model);
  renameSync(path, path.replace("sha256-", "sha256:"));
  expect(w.store.modelPath(model)).toBe(path.replace("sha256-", "sha256:"));
});

test("files that are gone, short or no GGUF at all are refused with what to do", () => {
  using w = world();
  w.folder.add({
    path: library("a/7b"),
    layers: [
      ["model", "weights"],
      ["adapter", "lora"],
    ],
  });
  w.folder.add({ path: library("b/latest"), config: { model_format: "safetensors" }, layers: [["tensor", "t"]] });
  w.folder.add({ path: library("c/cloud"), config: { remote_host: "https://ollama.com:443" } });
  w.folder.addManifest(library("d/latest"), "{}");
  const a = w.store.get(ref("ollama:a:7b"));
  const path = w.store.modelPath(a);
  truncateSync(path, 3);
  expect(() => w.store.modelPath(a)).toThrow(
    'the file of model "ollama:a:7b" has 3 of 7 bytes; use "ollama pull a:7b"',
  );
  rmSync(path);
  expect(() => w.store.modelPath(a)).toThrow('the file of model "ollama:a:7b" is missing; use "ollama pull a:7b"');
  rmSync(w.store.adapterPaths(a)[0] ?? "");
  expect(() => w.store.adapterPaths(a)).toThrow('the adapter of model "ollama:a:7b" is missing');
  const reason = (name: string) => {
    try {
      return w.store.modelPath(w.store.get(ref(name)));
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(reason("ollama:b")).toContain("Ollama keeps it as safetensors, not as GGUF");
  expect(reason("ollama:c:cloud")).toContain("Ollama runs it on another machine");
  expect(reason("ollama:d")).toBe("cannot load ollama:d: its manifest names no model file");
});

test("params, system and messages are read when they are asked for; garbage counts as nothing", () => {
  using w = world();
  const turns = [{ role: "user", content: "2+2?" }, { role: "robot", content: "x" }, 4, { role: "assistant" }];
  w.folder.add({
    path: library("a/latest"),
    layers: [
      ["params", '{"temperature":9}'],
      ["params", '{"stop":["x"],"num_ctx":2048}'],
      ["system", "Be brief."],
      ["messages", JSON.stringify(turns)],
      ["template", "{{ .Prompt }}"],
      ["license", "MIT"],
      ["license", "Apache"],
    ],
  });
  w.folder.add({
    path: library("b/latest"),
    layers: [
      ["params", "[1]"],
      ["system", "  \n"],
      ["messages", '{"role":"user"}'],
      ["license", "x".repeat(2_000_000)],
    ],
  });
  const a = w.store.get(ref("ollama:a"));
  expect(w.store.settings(a)).toEqual({
    params: { stop: ["x"], num_ctx: 2048 },
    system: "Be brief.",
    messages: [{ role: "user", content: "2+2?" }],
  });
  expect(a.ollama && readOllamaTexts(a.ollama)).toEqual({ template: "{{ .Prompt }}", licenses: ["MIT", "Apache"] });
  const b = w.store.get(ref("ollama:b"));
  expect(w.store.settings(b)).toEqual({ params: {}, messages: [] });
  expect(b.ollama && readOllamaTexts(b.ollama)).toEqual({ licenses: [] });
});

test("rm is refused and says what to use; an unknown model is unknown", async () => {
  using w = world();
  w.folder.add({ path: library("a/7b"), layers: [["model", "x"]] });
  const before = w.folder.snapshot();
  const failure = (name: string) => w.store.remove(ref(name)).catch((error: unknown) => error);
  expect(await failure("ollama:a:7b")).toMatchObject({
    code: "read_only",
    message: `"ollama:a:7b" is in Ollama's store, which llmlb only reads; use "ollama rm a:7b"`,
  });
  expect(await failure("ollama:nope")).toMatchObject({ code: "model_not_found" });
  expect(w.folder.snapshot()).toEqual(before);
});

test("1,000 models are listed quickly, and again in no time", async () => {
  using w = world();
  const layers: [string, string][] = [["model", "x"]];
  for (let index = 0; index < 1_000; index++) {
    w.folder.add({ path: library(`model-${index}/latest`), config: llama, layers });
  }
  const timed = (action: () => unknown) => {
    const startedMs = performance.now();
    action();
    return performance.now() - startedMs;
  };
  const coldMs = timed(() => w.store.list());
  for (const model of w.store.list().slice(0, 100)) w.store.touch(model, 1_000);
  const againMs: number[] = [];
  for (let round = 0; round < 5; round++) {
    await w.harness.clock.advance(1_000);
    againMs.push(timed(() => w.store.list()));
  }
  const warmMs = timed(() => w.store.list());
  expect(w.store.list()).toHaveLength(1_000);
  // Measured: 65 ms, 5 ms and 0.1 ms on two shared cores; the bounds leave room for a busy machine.
  expect(coldMs).toBeLessThan(700);
  expect(Math.min(...againMs)).toBeLessThan(100);
  expect(warmMs).toBeLessThan(5);
});
