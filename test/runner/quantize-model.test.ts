import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { buildNative } from "../../scripts/native.ts";
import { modelFacts } from "../../src/gguf/model-facts.ts";
import { readGgufHeader } from "../../src/gguf/read-header.ts";
import { quantizeModel } from "../../src/runner/quantize-model.ts";
import { chatOf, collect, startRunner } from "./start-runner.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-quantize-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const nativeDir = await buildNative();
const input = join(dir, "tiny-hello-F16.gguf");
writeFileSync(input, buildModel("tiny-hello", "F16"));

const answerOf = async (modelPath: string): Promise<string> => {
  const runner = startRunner();
  await runner.load({ modelPath, gpu: "cpu", slots: 1, contextTokens: 512 });
  const { text } = await collect(runner.generate(chatOf("hi")));
  await runner.exit();
  return text;
};

test.each(["Q4_K_M", "Q8_0", "Q6_K", "Q2_K", "Q3_K_M", "Q4_0", "IQ4_XS", "BF16"])(
  "a model is quantized to %s",
  async (type) => {
    const output = join(dir, `tiny-hello-${type}.gguf`);
    const shares: number[] = [];
    const { llamaCpp } = await quantizeModel({
      nativeDir,
      input,
      output,
      type,
      threads: 1,
      onProgress: (share) => shares.push(share),
    });
    expect(llamaCpp).toMatch(/\d/);
    expect(modelFacts(await readGgufHeader(output)).quantization).toBe(type);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares).toHaveLength(12); // one for each tensor
    expect(Math.max(...shares)).toBeWithin(0.1, 1);
  },
);

test("a quantized model answers as its source does", async () => {
  expect(await answerOf(join(dir, "tiny-hello-Q4_K_M.gguf"))).toBe(await answerOf(input));
});

test("what cannot be quantized is told in one line", async () => {
  const failure = async (from: string, output: string, type = "Q4_K_M") =>
    await quantizeModel({ nativeDir, input: from, output, type, threads: 1 }).then(
      () => "it worked",
      ({ code, message }) => `${code}: ${message}`,
    );
  const small = join(dir, "tiny-hello-Q8_0.gguf");
  expect(await failure(small, join(dir, "again.gguf"))).toBe(
    "internal: cannot quantize to Q4_K_M: requantizing from type q8_0 is disabled",
  );
  expect(await failure(input, join(dir, "iq1.gguf"), "IQ1_S")).toContain("requires an imatrix");
  writeFileSync(join(dir, "broken.gguf"), buildModel("edge-truncated"));
  expect(await failure(join(dir, "broken.gguf"), join(dir, "x.gguf"))).toStartWith("corrupt: ");
  expect(await failure(input, "/dev/full")).toStartWith("disk_full: ");
});
