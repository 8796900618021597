import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRepository } from "../../scripts/fixtures/build-repository.ts";
import { answerTokens, floatRepositories, type RecordedAnswer } from "../../scripts/fixtures/conversion-answers.ts";
import { digestGguf } from "../../scripts/fixtures/gguf-digest.ts";
import { pictureFile } from "../../scripts/fixtures/pictures.ts";
import { tinyRepositories } from "../../scripts/fixtures/tiny-repositories.ts";
import { buildTinyVisionCheckpoint } from "../../scripts/fixtures/tiny-vision-checkpoint.ts";
import { buildNative } from "../../scripts/native.ts";
import { convertModel } from "../../src/convert/convert-model.ts";
import recorded from "../fixtures/conversion-answers.json";
import { collect, showOf, startRunner, textOf } from "../runner/start-runner.ts";

const answers = new Map<string, RecordedAnswer[]>(Object.entries(recorded.answers));
const floats = new Map<string, Record<"F16" | "F32", Record<string, string>>>(Object.entries(recorded.floats));

let dir = "";
beforeAll(async () => {
  await buildNative();
  dir = await mkdtemp(join(tmpdir(), "llmlb-converted-"));
}, 600_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What a runner that has loaded the file says to each recorded prompt, greedily. */
const answersOf = async (modelPath: string, prompts: readonly string[]) => {
  const runner = startRunner();
  await runner.load({ modelPath, contextTokens: 512, slots: 1, gpu: "cpu" });
  const found: RecordedAnswer[] = [];
  for (const prompt of prompts) {
    const { text, done } = await collect(
      runner.generate(textOf(prompt, { maxTokens: answerTokens, tellTokens: true })),
    );
    found.push({ prompt, text, tokens: [...(done.tokens?.slice(done.counts.promptTokens) ?? [])] });
  }
  await runner.exit();
  return found;
};

describe("what was converted says what llama-server says with llama.cpp's own conversion", () => {
  for (const repository of tinyRepositories.filter(({ ownScores = false }) => !ownScores))
    test(repository.name, async () => {
      const source = await writeRepository(repository, join(dir, repository.name));
      const modelPath = join(dir, `${repository.name}.gguf`);
      await convertModel({ dir: source, output: modelPath, type: "BF16" });
      const expected = answers.get(repository.name) ?? [];
      expect(expected.length).toBeGreaterThan(0);
      const found = await answersOf(
        modelPath,
        expected.map(({ prompt }) => prompt),
      );
      expect(found).toEqual(expected);
      await rm(modelPath);
      await rm(source, { recursive: true });
    }, 60_000);
});

describe("the same tensors as llama.cpp's converter makes, in other floats", () => {
  for (const repository of tinyRepositories.filter(({ name }) => floatRepositories.includes(name)))
    for (const type of ["F16", "F32"] as const)
      test(`${repository.name} ${type}`, async () => {
        const source = await writeRepository(repository, join(dir, repository.name));
        const output = join(dir, `${repository.name}.gguf`);
        await convertModel({ dir: source, output, type });
        const { tensors, metadata } = await digestGguf(output);
        expect(tensors).toEqual(floats.get(repository.name)?.[type] ?? {});
        expect(metadata["general.file_type"]).toBe(`uint32: ${type === "F16" ? 1 : 0}`);
        await rm(output);
        await rm(source, { recursive: true });
      });
});

describe("what was converted sees", () => {
  for (const repository of tinyRepositories.filter(({ hasProjector }) => hasProjector))
    test(repository.name, async () => {
      const source = await writeRepository(repository, join(dir, repository.name));
      const [modelPath, projectorPath] = [join(dir, "seeing.gguf"), join(dir, "mmproj.gguf")];
      await convertModel({ dir: source, output: modelPath, type: "BF16" });
      await convertModel({ dir: source, output: projectorPath, part: "projector", type: "F16" });
      const runner = startRunner();
      const { capabilities } = await runner.load({
        ...{ modelPath, projectorPath, contextTokens: 1024, slots: 1, gpu: "cpu" as const },
      });
      expect(capabilities.vision).toBe(true);
      const { done } = await collect(runner.generate(showOf([pictureFile("red")], "What is it?", { maxTokens: 4 })));
      expect(done.counts).toMatchObject({ completionTokens: 4 });
      expect((await runner.stats()).mediaEncoded).toBe(1);
      await runner.exit();
      await rm(source, { recursive: true });
    }, 60_000);

  test("what a picture shows", async () => {
    for (const { path, content } of buildTinyVisionCheckpoint())
      await Bun.write(join(dir, "seer", path), content as string);
    const [modelPath, projectorPath] = [join(dir, "seer.gguf"), join(dir, "mmproj-seer.gguf")];
    await convertModel({ dir: join(dir, "seer"), output: modelPath, type: "BF16" });
    await convertModel({ dir: join(dir, "seer"), output: projectorPath, part: "projector", type: "F16" });
    const runner = startRunner();
    await runner.load({ modelPath, projectorPath, contextTokens: 512, slots: 1, gpu: "cpu" });
    for (const colour of ["red", "green", "blue", "grey"])
      expect((await collect(runner.generate(showOf([pictureFile(colour)], "What is it?")))).text).toBe(colour);
    expect((await collect(runner.generate(showOf([], "What is it?")))).text).toBe("I see no picture");
    await runner.exit();
  }, 60_000);
});
