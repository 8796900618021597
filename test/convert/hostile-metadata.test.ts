import { describe, expect, test } from "bun:test";
import { findArchitecture } from "../../src/convert/architectures/find-architecture.ts";
import { ModelConfig } from "../../src/convert/model-config.ts";
import { samplingValues } from "../../src/convert/sampling-values.ts";
import { planTensors } from "../../src/convert/tensors/plan-tensors.ts";
import { byteAlphabet } from "../../src/convert/tokenizer/byte-alphabet.ts";
import { encodeText } from "../../src/convert/tokenizer/encode-text.ts";
import { sentencePieceVocabulary } from "../../src/convert/tokenizer/sentencepiece-vocabulary.ts";
import { splitText } from "../../src/convert/tokenizer/split-text.ts";

const configOf = (architecture: string, more: Record<string, unknown>) =>
  new ModelConfig({
    ...{ architectures: [architecture], hidden_size: 64, intermediate_size: 96, num_attention_heads: 4 },
    ...{
      num_key_value_heads: 4,
      num_hidden_layers: 2,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-5,
      vocab_size: 9,
    },
    ...more,
  });

const planned = (architecture: string, more: Record<string, unknown>) => () => {
  const found = findArchitecture(architecture);
  const config = configOf(architecture, more);
  return { ...found?.values(config), extra: found?.extraTensors?.(config) };
};

describe("a config.json that cannot be trusted", () => {
  test.each(["constructor", "toString", "__proto__"])("rotary scaling %s is none", (type) => {
    expect(planned("LlamaForCausalLM", { rope_scaling: { rope_type: type, factor: 2 } })).toThrow("is not converted");
    const factors = { rope_type: type, long_factor: [1], short_factor: [1] };
    expect(planned("Phi3ForCausalLM", { rope_scaling: factors })).toThrow("is not converted");
  });

  test("heads of any size make no tensor of that size", () =>
    expect(planned("LlamaForCausalLM", { head_dim: 2 ** 31, rope_scaling: { rope_type: "llama3" } })).toThrow(
      "head_dim is 2147483648, the most is 65536",
    ));

  test.each([-1, 1e300])("a rotary share of %d", (share) =>
    expect(planned("Phi3ForCausalLM", { partial_rotary_factor: share })).toThrow(`partial_rotary_factor is ${share}`),
  );

  test.each([[2 ** 31], [1.5], [-1]])("a section of rotary positions of %d", (section) =>
    expect(planned("LlamaForCausalLM", { rope_scaling: { mrope_section: [section, 1, 1] } })).toThrow(
      "mrope_section is no list of counts",
    ),
  );

  test("experts that its weights claim and do not have", () => {
    const architecture = findArchitecture("Qwen3MoeForCausalLM");
    if (!architecture) throw new Error("Qwen3MoeForCausalLM is not converted");
    const source = { name: "model.layers.0.mlp.experts.gate_up_proj", shape: [2 ** 52, 0, 8] };
    const config = configOf("Qwen3MoeForCausalLM", { num_experts: 4 });
    expect(() => planTensors(architecture, config, "F16", [source])).toThrow("cannot be cut");
  });
});

test("a recommendation that its type cannot hold is none", () =>
  expect(samplingValues({ top_k: -(2 ** 53), temperature: 0.5, top_p: Number.POSITIVE_INFINITY, min_p: "x" })).toEqual({
    "general.sampling.temp": { type: "float32", value: 0.5 },
  }));

describe("a tokenizer that cannot be trusted", () => {
  const tokenizer = {
    ...{ vocabulary: new Map(byteAlphabet.map((char, id) => [char, id])), merges: [], ignoresMerges: false },
    ...{ addedTokens: [], normalizer: null, preTokenizer: { type: "ByteLevel" }, postProcessor: null },
    fallsBackToBytes: false,
  };
  const nested = (listKey: string, depth: number): object =>
    depth === 0 ? { type: "NFC" } : { type: "Sequence", [listKey]: [nested(listKey, depth - 1)] };

  test.each<unknown>([
    { type: "constructor" },
    { type: "__proto__" },
    { type: { toString: 1 } },
    { toString: 1 },
    null,
    [1],
  ])("%j is neither a pre-tokenizer nor a normalizer", (step) => {
    const unsupported = expect.objectContaining({ code: "unsupported" });
    expect(() => splitText(step, "text", Number.POSITIVE_INFINITY)).toThrow(unsupported);
    if (step !== null) expect(() => encodeText({ ...tokenizer, normalizer: step }, "text")).toThrow(unsupported);
  });

  test("steps without end", () => {
    expect(() => encodeText({ ...tokenizer, normalizer: nested("normalizers", 5_000) }, "text")).toThrow(
      "more than 32",
    );
    const many = { type: "Sequence", pretokenizers: Array.from({ length: 500_000 }, () => ({ type: "Digits" })) };
    expect(() => encodeText({ ...tokenizer, preTokenizer: many }, "text")).toThrow("more than 32");
  });

  test("a pattern is not at work for ever", () =>
    expect(() => splitText({ type: "Digits" }, "1 2 3", performance.now() - 1)).toThrow("takes too long"));

  test("ids of added tokens that are none", () => {
    const pieces = [{ text: "a", score: 0, type: 1 }];
    const added = { b: { toString: 1 }, c: "0", d: -1, e: 1.5, f: [0] };
    expect(sentencePieceVocabulary({ pieces, size: 1, added, settings: {} }).tokens).toEqual(["a"]);
  });
});
