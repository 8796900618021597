import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { weatherTool } from "../../scripts/fixtures/models.ts";
import { buildTinyLlama } from "../../scripts/fixtures/tiny-llama.ts";
import { tinyCaller } from "../../scripts/fixtures/tiny-models.ts";
import type { GenerationInput } from "../../src/core/generation.ts";
import { chatOf, collect, fixtures, loadedRunners } from "./start-runner.ts";

const { modelPath, dir } = fixtures();
const loaded = loadedRunners(modelPath);

const caller = async () => {
  const path = join(dir(), "caller.gguf");
  writeFileSync(path, buildTinyLlama(tinyCaller, "Q8_0"));
  return await loaded("tiny-tool", { modelPath: path, contextTokens: 4096 });
};

const ask = (more: Partial<Extract<GenerationInput, { kind: "chat" }>>, maxTokens?: number) => {
  const { input, ...request } = chatOf("Weather in Paris?");
  const asked = { ...input, tools: [{ ...weatherTool, function: { ...weatherTool.function } }], ...more };
  return { ...request, input: asked as GenerationInput, ...(maxTokens && { maxTokens }) };
};

test("several calls come where several are allowed", async () => {
  const { toolCalls, done } = await collect((await caller()).generate(ask({}, 40)));
  expect(toolCalls.length).toBeGreaterThan(2);
  expect(done.reason).toBe("length");
});

// llama.cpp's grammar for this format allows any number, whatever was asked for.
test.each(["auto", "required"] as const)("one call, where one is allowed, ends the answer (%s)", async (toolChoice) => {
  const runner = await caller();
  const { toolCalls, text, done } = await collect(runner.generate(ask({ parallelToolCalls: false, toolChoice })));
  expect(toolCalls.map(({ name, arguments: given }) => [name, given])).toEqual([["get_weather", '{"city": "Paris"}']]);
  expect([text, done.reason]).toEqual(["", "toolCalls"]);
  expect(done.counts.completionTokens).toBeLessThan(2000); // of 4,000 that there is room for
  // A limit among the calls that nobody wants cuts nothing off.
  const limited = await collect(runner.generate(ask({ parallelToolCalls: false, toolChoice }, 30)));
  expect([limited.toolCalls.length, limited.done.reason]).toEqual([1, "toolCalls"]);
});

test("a model that makes one call is not touched by it", async () => {
  const { toolCalls, done } = await collect((await loaded("tiny-tool")).generate(ask({ parallelToolCalls: false })));
  expect([toolCalls.length, done.reason]).toEqual([1, "toolCalls"]);
});
