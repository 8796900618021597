import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getTinyRepository, writeRepository } from "../../scripts/fixtures/build-repository.ts";
import { multilingualTexts } from "../../scripts/fixtures/multilingual.ts";
import { tokenDigest, tokenizedRepositories, zeroEnded } from "../../scripts/fixtures/token-digest.ts";
import { checkOutLlamaSources } from "../../scripts/native/llama-sources.ts";
import { buildNative } from "../../scripts/native.ts";
import { convertModel } from "../../src/convert/convert-model.ts";
import { compile } from "../fakes/compile.ts";
import oracle from "../fixtures/conversion-oracle.json";

const root = join(import.meta.dir, "../..");
let dir = "";

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "llmlb-tokens-"));
  const libraries = await buildNative();
  const sources = await checkOutLlamaSources(join(root, "node_modules/node-llama-cpp"), join(root, "build/llama.cpp"));
  const headers = ["include", "ggml/include"].flatMap((name) => ["-I", join(sources, name)]);
  const shared = (await readdir(libraries)).filter((name) => /^lib(llama|ggml)(-common|-base|\.).*\.so$/.test(name));
  const linked = [...shared.map((name) => join(libraries, name)), `-Wl,-rpath,${libraries},--allow-shlib-undefined`];
  compile([
    "-std=c++20",
    "-O1",
    ...headers,
    join(import.meta.dir, "tokenize-texts.cpp"),
    "-o",
    join(dir, "tokenize"),
    ...linked,
  ]);
}, 600_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("llama.cpp gives the converted file's texts the tokens that the source's own tokenizer gives", () => {
  for (const name of tokenizedRepositories)
    test(name, async () => {
      const source = await writeRepository(getTinyRepository(name), join(dir, name));
      const output = join(dir, `${name}.gguf`);
      await convertModel({ dir: source, output, type: "BF16" });
      const child = Bun.spawn([join(dir, "tokenize"), output], { stdin: zeroEnded(multilingualTexts), stdout: "pipe" });
      const rows = (await new Response(child.stdout).text()).split("\n").slice(0, -1);
      expect(rows).toHaveLength(500);
      const expected = oracle.tokens[name].split(" ");
      const wrong = multilingualTexts.filter((_, index) => tokenDigest(rows[index] ?? "") !== expected[index]);
      expect(wrong).toEqual([]);
    });
});
