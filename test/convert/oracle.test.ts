import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { writeRepository } from "../../scripts/fixtures/build-repository.ts";
import { digestGguf, type GgufDigest } from "../../scripts/fixtures/gguf-digest.ts";
import { tinyRepositories } from "../../scripts/fixtures/tiny-repositories.ts";
import type { ModelPart } from "../../src/convert/conversion-job.ts";
import { convertModel } from "../../src/convert/convert-model.ts";
import oracle from "../fixtures/conversion-oracle.json";

/** What llama.cpp's converter reads off the folder's name and the model card; no program needs it. */
const leftOut = /^general\.(?:size_label|basename|finetune|version|organization)$/;

type Digests = Record<string, GgufDigest>;
const { repositories, projectors }: { repositories: Digests; projectors: Record<string, Digests> } = oracle;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "llmlb-oracle-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/**
 * llama.cpp's converter gives all tokens one score where a vocabulary comes of a BPE with byte_fallback, so that texts become other tokens than
 * the model was trained with; tokens.test.ts shows that ours are right.
 */
const scored = (repository: string) => (repository === "tiny-llama2-json" ? "tokenizer.ggml.scores" : "");

/** Throws unless the conversion of the repository in folder `source` has the keys and bytes of `expected`. */
const check = async (source: string, part: ModelPart, type: "BF16" | "F16", expected: GgufDigest | undefined) => {
  const output = `${source}-${part}-${type}.gguf`;
  const name = JSON.parse(expected?.metadata["general.name"]?.replace(/^string: /, "") ?? '""');
  await convertModel({ dir: source, output, part, type, name });
  const { metadata, tensors } = await digestGguf(output);
  const wanted = Object.entries(expected?.metadata ?? {}).filter(([key]) => !leftOut.test(key));
  const own = scored(basename(source));
  delete metadata[own];
  expect(metadata).toEqual(Object.fromEntries(wanted.filter(([key]) => key !== own)));
  expect(tensors).toEqual(expected?.tensors ?? {});
  await rm(output);
};

describe("the same GGUF as llama.cpp's converter makes", () => {
  for (const repository of tinyRepositories) {
    const { name, hasProjector = false } = repository;
    test(name, async () => {
      const source = await writeRepository(repository, join(dir, name));
      await check(source, "model", "BF16", repositories[name]);
      for (const type of hasProjector ? (["BF16", "F16"] as const) : [])
        await check(source, "projector", type, projectors[name]?.[type]);
      await rm(source, { recursive: true });
    });
  }
});
