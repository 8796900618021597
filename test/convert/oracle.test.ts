import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** That those of ours are right where they are not llama.cpp's is what tokens.test.ts shows. */
const scores = "tokenizer.ggml.scores";

/** Throws unless the conversion of the repository in folder `source` has the keys and bytes of `expected`. */
const check = async (
  source: string,
  { part, type, ownScores = false }: { part: ModelPart; type: "BF16" | "F16"; ownScores?: boolean },
  expected: GgufDigest | undefined,
) => {
  const output = `${source}-${part}-${type}.gguf`;
  const name = JSON.parse(expected?.metadata["general.name"]?.replace(/^string: /, "") ?? '""');
  await convertModel({ dir: source, output, part, type, name });
  const { metadata, tensors } = await digestGguf(output);
  const isWanted = (key: string) => !leftOut.test(key) && !(ownScores && key === scores);
  const pick = (keys: Record<string, string>) =>
    Object.fromEntries(Object.entries(keys).filter(([key]) => isWanted(key)));
  expect(pick(metadata)).toEqual(pick(expected?.metadata ?? {}));
  expect(tensors).toEqual(expected?.tensors ?? {});
  await rm(output);
};

describe("the same GGUF as llama.cpp's converter makes", () => {
  for (const repository of tinyRepositories) {
    const { name, hasProjector = false, ownScores = false } = repository;
    test(name, async () => {
      const source = await writeRepository(repository, join(dir, name));
      await check(source, { part: "model", type: "BF16", ownScores }, repositories[name]);
      for (const type of hasProjector ? (["BF16", "F16"] as const) : [])
        await check(source, { part: "projector", type }, projectors[name]?.[type]);
      await rm(source, { recursive: true });
    });
  }
});
