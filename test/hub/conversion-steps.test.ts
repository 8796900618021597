import { expect, test } from "bun:test";
import { findQuantizationTarget, quantizations } from "../../src/convert/quantizations.ts";
import { sourceType } from "../../src/convert/source-type.ts";
import { getFileTypeNumber } from "../../src/gguf/file-types.ts";
import { findQuantization } from "../../src/gguf/quantization.ts";
import { type ConversionFacts, conversionSteps } from "../../src/hub/conversion-steps.ts";
import { isQuantizationOf } from "../../src/hub/find-gguf-repositories.ts";
import { shardSteps } from "../../src/hub/shard-steps.ts";

const gb = 1e9;
/** A model of 3.2 billion weights in two shards, nothing of which is here. */
const facts: ConversionFacts = { type: "Q4_K_M", source: "BF16", finished: [], weightsBytes: 6.4 * gb };
const shard = (size: number, have = 0) => ({ sizeBytes: size * gb, haveBytes: have * gb, writtenBytes: size * gb });
const floats = { sizeBytes: 6.4 * gb, haveBytes: 0, smallBytes: 0, shards: [shard(5), shard(1.4)] };
const inGb = (bytes: number) => Math.round(bytes / gb / 0.1) / 10;

test("the peak is the floats and what is quantized of them, or the floats and a shard", () => {
  const steps = conversionSteps({ ...facts, floats });
  expect(steps).toMatchObject({ floatType: "BF16", floatName: "BF16.gguf", resultName: "Q4_K_M.gguf" });
  expect([steps.convert, steps.quantize, inGb(steps.peakBytes), inGb(steps.resultBytes)]).toEqual([true, true, 10, 2]);
  expect(steps.overlaps).toEqual([false, false]); // with the second shard it would be 11.4
  const whole = conversionSteps({ ...facts, floats: { ...floats, shards: [shard(6.4)] } });
  expect(inGb(whole.peakBytes)).toBe(12.8);
});

test("weights that another program's cache has cost nothing, and give nothing back", () => {
  const cached = floats.shards.map((one) => ({ ...one, sizeBytes: 0 }));
  const steps = conversionSteps({ ...facts, floats: { ...floats, shards: cached } });
  expect([inGb(steps.peakBytes), steps.overlaps]).toEqual([8.4, [true, false]]);
});

test("configuration, tokenizer and headers count", () => {
  const steps = conversionSteps({ ...facts, floats: { ...floats, smallBytes: 0.5 * gb } });
  expect(inGb(steps.peakBytes)).toBe(10.5);
});

test("what is here already is not needed again", () => {
  const begun = conversionSteps({ ...facts, floats: { ...floats, haveBytes: 5 * gb, shards: [shard(1.4, 0.4)] } });
  expect(inGb(begun.peakBytes)).toBe(3); // 1.4 of floats and 2 of what is quantized, beside 5.4
  const both = conversionSteps({ ...facts, floats: { ...floats, shards: [shard(5, 5), shard(1.4, 1.4)] } });
  expect(inGb(both.peakBytes)).toBe(5);
});

test("what is finished needs no room and no time", () => {
  const made = conversionSteps({ ...facts, finished: ["BF16.gguf"] });
  expect([made.convert, made.quantize, inGb(made.peakBytes)]).toEqual([false, true, 2]);
  const all = conversionSteps({ ...facts, finished: ["BF16.gguf", "Q4_K_M.gguf"] });
  expect([all.convert, all.quantize, all.peakBytes]).toEqual([false, false, 0]);
});

test("the next shard comes beside the conversion of one where that is no worse than the worst moment", () => {
  const steps = (sizes: number[], laterGb = 0) => {
    const { peakBytes, overlaps } = shardSteps(
      sizes.map((size) => shard(size)),
      0,
      laterGb * gb,
    );
    return [inGb(peakBytes), overlaps];
  };
  expect(steps([5, 5, 5, 5])).toEqual([25, [true, true, true, false]]);
  expect(steps([5, 5, 5, 2])).toEqual([20, [true, true, false, false]]);
  expect(steps([5, 5, 5, 2], 22)).toEqual([22, [true, true, true, false]]);
  expect(steps([5])).toEqual([10, [false]]);
});

test("floats are the result where floats are wanted, and half floats are kept", () => {
  expect(conversionSteps({ ...facts, type: "F32" })).toMatchObject({ floatType: "F32", quantize: false });
  expect(conversionSteps({ ...facts, source: "F16" })).toMatchObject({ floatType: "F16", quantize: true });
  expect(conversionSteps({ ...facts, source: "F32" })).toMatchObject({ floatType: "BF16", quantize: true });
  expect(inGb(conversionSteps({ ...facts, type: "BF16", source: "F32" }).resultBytes)).toBe(3.2);
});

test("a projector is made of the same weights, and is not quantized", () => {
  const projectorBytes = 1.2 * gb;
  const [without, steps] = [conversionSteps(facts), conversionSteps({ ...facts, projectorBytes })];
  expect(steps.unmade).toEqual([
    { part: "model", type: "BF16", name: "BF16.gguf" },
    { part: "projector", type: "F16", name: "projector_F16.gguf" },
  ]);
  const share = (without.resultBytes * projectorBytes) / facts.weightsBytes;
  expect(Math.round(steps.resultBytes - projectorBytes)).toBeWithin(
    without.resultBytes - share - 1,
    without.resultBytes - share + 1,
  );
  const left = (...finished: string[]) => {
    const { unmade, convert, quantize } = conversionSteps({ ...facts, projectorBytes, finished });
    return [unmade.map(({ part }) => part), convert, quantize];
  };
  expect(left("BF16.gguf")).toEqual([["projector"], true, true]);
  expect(left("Q4_K_M.gguf")).toEqual([["projector"], true, false]);
  expect(left("projector_F16.gguf")).toEqual([["model"], true, true]);
  expect(left("projector_F16.gguf", "BF16.gguf")).toEqual([[], false, true]);
  expect(left("projector_F16.gguf", "Q4_K_M.gguf")).toEqual([[], false, false]);
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
