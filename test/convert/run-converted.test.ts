import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRepository } from "../../scripts/fixtures/build-repository.ts";
import { tinyRepositories } from "../../scripts/fixtures/tiny-repositories.ts";
import { buildNative } from "../../scripts/native.ts";
import { convertModel } from "../../src/convert/convert-model.ts";
import { collect, startRunner, textOf } from "../runner/start-runner.ts";

let dir = "";
beforeAll(async () => {
  await buildNative();
  dir = await mkdtemp(join(tmpdir(), "llmlb-converted-"));
}, 600_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/**
 * That the text is that of llama.cpp's own conversion follows from oracle.test.ts: every tensor and every key that llama.cpp computes
 * with is the same. What is shown here is that the file as a whole is one that loads and runs.
 */
describe("what was converted runs", () => {
  for (const repository of tinyRepositories)
    test(repository.name, async () => {
      const source = await writeRepository(repository, join(dir, repository.name));
      for (const type of ["BF16", "F32"] as const) {
        const modelPath = join(dir, `${repository.name}-${type}.gguf`);
        await convertModel({ dir: source, output: modelPath, type });
        const runner = startRunner();
        await runner.load({ modelPath, contextTokens: 64, slots: 1, gpu: "cpu" });
        const { done } = await collect(runner.generate(textOf("Hello", { maxTokens: 8 })));
        expect(done.reason).toBe("length");
        await runner.exit();
        await rm(modelPath);
      }
      await rm(source, { recursive: true });
    }, 30_000);
});
