import { expect, test } from "bun:test";
import { getTinyRepository, repositoryFiles } from "../../scripts/fixtures/build-repository.ts";
import { planConversion } from "../../src/convert/plan-conversion.ts";

const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false };
const gemma = {
  normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
  pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
};

/** The keys of a model whose tokenizer.json has byte_fallback, and prepares texts in the way of `steps`. */
const keysWith = async (steps: Record<string, unknown>) => {
  const files = new Map(await repositoryFiles(getTinyRepository("tiny-llama2-json")));
  const json = JSON.parse(new TextDecoder().decode(files.get("tokenizer.json")));
  files.set("tokenizer.json", new TextEncoder().encode(JSON.stringify({ ...json, ...steps })));
  return planConversion(files).metadata("BF16", "name");
};

const prefix = "tokenizer.ggml.add_space_prefix";

test.each([
  ["as Llama 2 has it", {}, undefined],
  ["as Mistral has it", { normalizer: null, pre_tokenizer: metaspace }, undefined],
  [
    "without a space before a text",
    { normalizer: null, pre_tokenizer: { ...metaspace, prepend_scheme: "never" } },
    false,
  ],
  ["as Gemma has it", gemma, false],
])("texts prepared %s", async (_, steps, expected) => {
  const keys = await keysWith(steps);
  expect(keys.get("tokenizer.ggml.model")).toEqual({ type: "string", value: "llama" });
  expect(keys.get(prefix)).toEqual(expected === undefined ? undefined : { type: "bool", value: expected });
});

test.each([
  ["NFKC", { normalizer: { type: "Sequence", normalizers: [{ type: "NFKC" }, gemma.normalizer] } }],
  ["Metaspace", { normalizer: null, pre_tokenizer: { ...metaspace, split: true } }],
  ["spaces stay", { normalizer: null }],
])("texts prepared in a way that llama.cpp has not: %s", async (said, steps) => {
  await expect(keysWith(steps)).rejects.toThrow(`a way that llama.cpp has not (${said})`);
});
