import { expect, test } from "bun:test";
import { findQuantizationTarget, quantizations } from "../../src/convert/quantizations.ts";
import { sourceType } from "../../src/convert/source-type.ts";
import { getFileTypeNumber } from "../../src/gguf/file-types.ts";
import { findQuantization } from "../../src/gguf/quantization.ts";
import { type ConversionFacts, conversionSteps } from "../../src/hub/conversion-steps.ts";
import { isQuantizationOf } from "../../src/hub/find-gguf-repositories.ts";

const gb = 1e9;
/** A model of 3.2 billion weights, nothing of which is here. */
const facts: ConversionFacts = {
  ...{ type: "Q4_K_M", source: "BF16", finished: [] },
  ...{ weightsBytes: 6.4 * gb, leftBytes: 6.4 * gb, freedBytes: 6.4 * gb },
};
const inGb = (bytes: number) => Math.round(bytes / gb / 0.1) / 10;

test("the peak is the weights and the floats that they become; what is quantized replaces the weights", () => {
  const steps = conversionSteps(facts);
  expect(steps).toMatchObject({ floatType: "BF16", floatName: "BF16.gguf", resultName: "Q4_K_M.gguf" });
  expect([steps.convert, steps.quantize, inGb(steps.peakBytes), inGb(steps.resultBytes)]).toEqual([
    true,
    true,
    12.8,
    2,
  ]);
});

test("weights that another program's cache has cost nothing, and give nothing back", () => {
  const steps = conversionSteps({ ...facts, leftBytes: 0, freedBytes: 0 });
  expect(inGb(steps.peakBytes)).toBe(8.4);
});

test("what is finished needs no room and no time", () => {
  const floats = conversionSteps({ ...facts, finished: ["BF16.gguf"] });
  expect([floats.convert, floats.quantize, inGb(floats.peakBytes)]).toEqual([false, true, 2]);
  const all = conversionSteps({ ...facts, finished: ["BF16.gguf", "Q4_K_M.gguf"] });
  expect([all.convert, all.quantize, all.peakBytes]).toEqual([false, false, 0]);
});

test("floats are the result where floats are wanted, and half floats are kept", () => {
  expect(conversionSteps({ ...facts, type: "F32" })).toMatchObject({ floatType: "F32", quantize: false });
  expect(conversionSteps({ ...facts, source: "F16" })).toMatchObject({ floatType: "F16", quantize: true });
  expect(conversionSteps({ ...facts, source: "F32" })).toMatchObject({ floatType: "BF16", quantize: true });
  expect(inGb(conversionSteps({ ...facts, type: "BF16", source: "F32" }).resultBytes)).toBe(3.2);
});

test("config.json says what weights are kept in, at any of its places", () => {
  const of = (config: unknown) => sourceType(new TextEncoder().encode(JSON.stringify(config)));
  expect([of({ torch_dtype: "float16" }), of({ dtype: "float32" })]).toEqual(["F16", "F32"]);
  expect(of({ text_config: { torch_dtype: "float16" } })).toBe("F16");
  expect([of({}), of([]), of({ torch_dtype: "constructor" }), sourceType(undefined)]).toEqual([
    "BF16",
    "BF16",
    "BF16",
    "BF16",
  ]);
});

test("every quantization is one that llama.cpp has a number for and that a name can say", () => {
  for (const name of quantizations) {
    expect(getFileTypeNumber(name)).toBeWithin(0, 40);
    expect(findQuantization(`model-${name}.gguf`)).toBe(name);
    expect(findQuantizationTarget(name.toLowerCase())).toBe(name);
  }
  expect(findQuantizationTarget("IQ2_XXS")).toBeUndefined();
});

test.each([
  ["bartowski/Llama-3.2-3B-Instruct-GGUF", true],
  ["lmstudio-community/llama-3.2-3b-instruct-gguf", true],
  ["mradermacher/Llama-3.2-3B-Instruct-i1-GGUF", true],
  ["bartowski/meta-llama_Llama-3.2-3B-Instruct-GGUF", true],
  ["someone/Llama-3.2-3B-Instruct-Q4_K_M-GGUF", true],
  ["someone/Llama-3.2-3B-Instruct-abliterated-GGUF", false],
  ["someone/Hermes-Llama-3.2-3B-Instruct-GGUF", false],
  ["someone/Llama-3.2-3B-GGUF", false],
  ["Llama-3.2-3B-Instruct-GGUF", false],
  ["a/b/Llama-3.2-3B-Instruct-GGUF", false],
])("%s is a quantization of Llama-3.2-3B-Instruct: %p", (id, is) => {
  expect(isQuantizationOf(id, "Llama-3.2-3B-Instruct")).toBe(is);
});
