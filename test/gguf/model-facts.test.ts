import { expect, test } from "bun:test";
import { buildModel, getFixtureModel } from "../../scripts/fixtures/models.ts";
import type { GgufHeader } from "../../src/gguf/header.ts";
import { modelFacts } from "../../src/gguf/model-facts.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";
import { type GgufValue, toJsonValue } from "../../src/gguf/value.ts";

const header = (metadata: [string, GgufValue][], tensors: GgufHeader["tensors"] = []): GgufHeader => ({
  version: 3,
  metadata: new Map(metadata),
  tensors,
  alignment: 32,
  dataOffset: 0,
  sizeBytes: 0,
});

const text = (value: string): GgufValue => ({ type: "string", value });

test("modelFacts of a fixture, with its arrays left out", async () => {
  for (const { quantization } of getFixtureModel("tiny-hello").files) {
    const source = memorySource(buildModel("tiny-hello", quantization));
    const read = await readGgufHeader(source, { arrayItemsMax: 0 });
    expect(modelFacts(read)).toEqual({
      architecture: "llama",
      name: "tiny-hello",
      parameterCount: 502_016,
      quantization,
      contextTokens: 4096,
      embeddingLength: 256,
      blockCount: 1,
      vocabSize: 275,
      hasTokenizer: true,
      license: "mit",
      licenseLink: "https://opensource.org/license/mit",
      chatTemplate: expect.stringContaining("<|im_start|>"),
      capabilities: ["completion"],
    });
  }
});

test("modelFacts lists capabilities as the header tells them", async () => {
  const facts = async (name: string) => modelFacts(await readGgufHeader(memorySource(buildModel(name))));
  expect((await facts("tiny-think")).capabilities).toEqual(["completion", "thinking"]);
  expect((await facts("tiny-tool")).capabilities).toEqual(["completion", "tools"]);
  for (const name of ["tiny-rank", "tiny-rank-chat"]) expect((await facts(name)).capabilities).toEqual(["rerank"]);
  expect(await facts("tiny-plain")).not.toHaveProperty("chatTemplate");
  const embedder = modelFacts(
    header([
      ["general.architecture", text("bert")],
      ["bert.pooling_type", { type: "uint32", value: 1 }],
    ]),
  );
  expect(embedder.capabilities).toEqual(["embedding"]);
});

test("modelFacts of a file that says nothing", () => {
  const tensors = [
    { name: "a", type: "F32", dims: [10], offset: 0, sizeBytes: 40 },
    { name: "b", type: "Q8_0", dims: [32, 8], offset: 64, sizeBytes: 272 },
  ];
  expect(modelFacts(header([], tensors))).toEqual({
    architecture: "unknown",
    parameterCount: 266,
    quantization: "Q8_0",
    hasTokenizer: false,
    capabilities: ["completion"],
  });
  expect(modelFacts(header([])).quantization).toBe("unknown");
});

test("modelFacts ignores facts of the wrong type", () => {
  const facts = modelFacts(
    header([
      ["general.architecture", { type: "uint32", value: 7 }],
      ["general.file_type", text("15")],
      ["general.license", { type: "array", itemType: "string", length: 1, items: ["mit"] }],
      ["unknown.context_length", { type: "uint64", value: 2n ** 60n }],
    ]),
  );
  expect(facts).toEqual({
    architecture: "unknown",
    parameterCount: 0,
    quantization: "unknown",
    hasTokenizer: false,
    capabilities: ["completion"],
  });
});

test("toJsonValue keeps every value within JSON", () => {
  expect(toJsonValue({ type: "uint64", value: 5n })).toBe(5);
  expect(toJsonValue({ type: "uint64", value: 2n ** 60n })).toBe("1152921504606846976");
  expect(toJsonValue({ type: "float32", value: Number.POSITIVE_INFINITY })).toBeNull();
  expect(toJsonValue({ type: "array", itemType: "bool", length: 1, items: [true] })).toEqual([true]);
  expect(toJsonValue({ type: "array", itemType: "bool", length: 9 })).toBeNull();
});
