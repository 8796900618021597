import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRepository } from "../../scripts/fixtures/build-repository.ts";
import { digestGguf } from "../../scripts/fixtures/gguf-digest.ts";
import { tinyRepositories } from "../../scripts/fixtures/tiny-repositories.ts";
import { convertModel } from "../../src/convert/convert-model.ts";
import oracle from "../fixtures/conversion-oracle.json";

/** What llama.cpp's converter reads off the folder's name and the model card; no program needs it. */
const leftOut = /^general\.(?:size_label|basename|finetune|version|organization)$/;

const known = new Map<string, { metadata: Record<string, string>; tensors: Record<string, string> }>(
  Object.entries(oracle.repositories),
);

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "llmlb-oracle-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("the same GGUF as llama.cpp's converter makes", () => {
  for (const repository of tinyRepositories)
    test(repository.name, async () => {
      const expected = known.get(repository.name);
      const source = await writeRepository(repository, join(dir, repository.name));
      const output = join(dir, `${repository.name}.gguf`);
      const name = JSON.parse(expected?.metadata["general.name"]?.replace(/^string: /, "") ?? '""');
      await convertModel({ dir: source, output, type: "BF16", name });
      const { metadata, tensors } = await digestGguf(output);
      const wanted = Object.entries(expected?.metadata ?? {}).filter(([key]) => !leftOut.test(key));
      expect(metadata).toEqual(Object.fromEntries(wanted));
      expect(tensors).toEqual(expected?.tensors ?? {});
      await rm(source, { recursive: true });
    });
});
