import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkOutLlamaSources } from "../../scripts/native/llama-sources.ts";
import { buildNative } from "../../scripts/native.ts";
import { compile } from "../fakes/compile.ts";

/** llama.cpp's sources carry the real vocabularies of many model families; the check compares every prompt with its own tokenizer. */
const root = join(import.meta.dir, "../..");
let dir = "";
let models = "";
const check = () => join(dir, "prompt-tokenizer-check");

beforeAll(async () => {
  const libraries = await buildNative();
  const sources = await checkOutLlamaSources(join(root, "node_modules/node-llama-cpp"), join(root, "build/llama.cpp"));
  models = join(sources, "models");
  dir = await mkdtemp(join(tmpdir(), "llmlb-tokenizer-"));
  const bridge = join(root, "src/runner/bridge");
  const files = [join(import.meta.dir, "bridge/prompt-tokenizer-check.cpp"), join(bridge, "prompt-tokenizer.cpp")];
  const headers = ["include", "ggml/include", "common", "vendor"].flatMap((name) => ["-I", join(sources, name)]);
  const shared = (await readdir(libraries)).filter((name) => /^lib(llama|ggml)(-common|-base|\.).*\.so$/.test(name));
  const linked = [...shared.map((name) => join(libraries, name)), `-Wl,-rpath,${libraries},--allow-shlib-undefined`];
  compile(["-std=c++20", "-O1", "-I", bridge, ...headers, ...files, "-o", check(), ...linked]);
}, 600_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

const measure = async (vocabulary: string, turns = 12) =>
  JSON.parse(await Bun.spawn([check(), join(models, vocabulary), String(turns)]).stdout.text());

test("every prompt has the tokens that llama.cpp gives it, with every vocabulary", async () => {
  const vocabularies = (await readdir(models)).filter((name) => name.endsWith(".gguf"));
  expect(vocabularies.length).toBeGreaterThan(10);
  for (const name of vocabularies) expect({ name, ...(await measure(name)) }).toMatchObject({ name, differences: 0 });
}, 120_000);

test("a next turn costs little more than its own text", async () => {
  for (const name of [
    "ggml-vocab-qwen2.gguf",
    "ggml-vocab-llama-bpe.gguf",
    "ggml-vocab-llama-spm.gguf",
    "ggml-vocab-gemma-4.gguf",
  ])
    expect((await measure(name, 40)).reused).toBeGreaterThan(0.7);
});
