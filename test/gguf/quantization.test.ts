import { expect, test } from "bun:test";
import { findFileTypeName, getFileTypeNumber } from "../../src/gguf/file-types.ts";
import { findQuantization, normalizeQuantization } from "../../src/gguf/quantization.ts";

test.each([
  ["Llama-3.2-3B-Instruct-Q4_K_M.gguf", "Q4_K_M"],
  ["qwen2.5-0.5b-instruct-q8_0.gguf", "Q8_0"],
  ["llama-2-7b.Q5_K_S.gguf", "Q5_K_S"],
  ["model-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"],
  ["gemma-3-4b-it-UD-IQ1_S.gguf", "UD-IQ1_S"],
  ["Qwen3-8B-IQ4_XS.gguf", "IQ4_XS"],
  ["m-IQ2_XXS.gguf", "IQ2_XXS"],
  ["m-IQ4_NL.gguf", "IQ4_NL"],
  ["m-Q6_K.gguf", "Q6_K"],
  ["m-Q6_K_L.gguf", "Q6_K_L"],
  ["m-Q3_K_L.gguf", "Q3_K_L"],
  ["m-TQ1_0.gguf", "TQ1_0"],
  ["m-bf16.gguf", "BF16"],
  ["m-fp16.gguf", "F16"],
  ["m.f32.gguf", "F32"],
  ["gpt-oss-20b-MXFP4.gguf", "MXFP4"],
  ["gpt-oss-20b-mxfp4_moe.gguf", "MXFP4"],
  ["m-Q8_0-00001-of-00003.gguf", "Q8_0"],
  ["Q8_0/model-00001-of-00002.gguf", "Q8_0"],
  ["BF16/model-Q4_K_M.gguf", "Q4_K_M"],
  ["from-F16-to-Q4_0.gguf", "Q4_0"],
  ["m-q4_0_4_4.gguf", undefined],
  ["model.gguf", undefined],
  ["Q8_0/deep/model.gguf", undefined],
  ["FAQ4_K_M.gguf", undefined],
  ["README.md", undefined],
])("findQuantization(%p) is %p", (path, expected) => {
  expect(findQuantization(path)).toBe(expected);
});

test("normalizeQuantization gives one spelling", () => {
  expect(normalizeQuantization("ud_q4_k_xl")).toBe("UD-Q4_K_XL");
  expect(normalizeQuantization("fp32")).toBe("F32");
});

test("file types have names both ways", () => {
  expect(findFileTypeName(15)).toBe("Q4_K_M");
  expect(findFileTypeName(4)).toBeUndefined();
  expect(getFileTypeNumber("BF16")).toBe(32);
  expect(() => getFileTypeNumber("Q9_K")).toThrow(RangeError);
});
