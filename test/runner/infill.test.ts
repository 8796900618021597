import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildTinyLlama } from "../../scripts/fixtures/tiny-llama.ts";
import { tinyGap } from "../../scripts/fixtures/tiny-models.ts";
import { collect, fixtures, loadedRunners, textOf } from "./start-runner.ts";

const { modelPath, dir } = fixtures();
const loaded = loadedRunners(modelPath);

const infillModel = () => {
  const path = join(dir(), "infill.gguf");
  writeFileSync(path, buildTinyLlama(tinyGap, "Q8_0"));
  return path;
};

const gap = (text: string, suffix: string) => {
  const request = textOf(text, { maxTokens: 20 });
  return { ...request, input: { kind: "text" as const, text, suffix } };
};

test("a gap is filled: prefix, suffix and the gap each behind their mark", async () => {
  const runner = await loaded("tiny-plain", { modelPath: infillModel() });
  const { text, done } = await collect(runner.generate(gap("add", "end")));
  expect(text).toBe(" return a plus b");
  // The marks are three; what looks like one inside the text is text.
  const inside = await collect(runner.generate(gap("add<|fim_middle|>", "end")));
  expect(inside.text).toBe(" return a plus b");
  expect(inside.done.counts.promptTokens).toBeGreaterThan(done.counts.promptTokens + 1);
});

test("a model without such tokens says so", async () => {
  const runner = await loaded("tiny-plain");
  await expect(collect(runner.generate(gap("a", "b")))).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("cannot fill in the middle"),
  });
});
