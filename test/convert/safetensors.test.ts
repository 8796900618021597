import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getTinyRepository, repositoryFiles, writeRepository } from "../../scripts/fixtures/build-repository.ts";
import { headerLength, parseSafetensorsHeader } from "../../src/convert/checkpoint/safetensors-header.ts";
import { convertModel } from "../../src/convert/convert-model.ts";
import { metadataFiles, planConversion, weightFiles } from "../../src/convert/plan-conversion.ts";
import { convertFloats, plusOne } from "../../src/convert/tensors/float-types.ts";
import { permuteRows } from "../../src/convert/tensors/permute-rows.ts";

const parse = (header: unknown, dataBytes = 64) => {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  return parseSafetensorsHeader(json, 8 + json.length + dataBytes, "model.safetensors");
};
const entry = (begin: number, end: number, more: object = {}) => ({
  dtype: "BF16",
  shape: [(end - begin) / 2],
  data_offsets: [begin, end],
  ...more,
});

describe("a header that cannot be trusted", () => {
  const broken: Record<string, unknown> = {
    "no JSON": "{",
    "no object": "[]",
    "an entry that is no object": { a: 1 },
    "no shape": { a: entry(0, 8, { shape: undefined }) },
    "a negative dimension": { a: entry(0, 8, { shape: [-4] }) },
    "a fraction": { a: entry(0, 8, { shape: [4.5] }) },
    "a shape that overflows": { a: entry(0, 8, { shape: [2 ** 40, 2 ** 40] }) },
    "offsets that end before they begin": { a: entry(8, 8, { data_offsets: [8, 0] }) },
    "a length that is not the shape's": { a: entry(0, 8, { shape: [5] }) },
    "two tensors in one place": { a: entry(0, 8), b: entry(4, 12) },
    "a tensor after the end": { a: entry(60, 68) },
    "nine dimensions": { a: entry(0, 2, { shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }) },
  };
  for (const [name, header] of Object.entries(broken))
    test(name, () => expect(() => parse(header)).toThrow(expect.objectContaining({ code: "corrupt" })));

  test("a type that is not converted", () =>
    expect(() => parse({ a: entry(0, 8, { dtype: "F8_E4M3", shape: [8] }) })).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    ));
  test("a header longer than its bound, or than the file", () => {
    const length = (value: bigint) => new Uint8Array(new BigUint64Array([value]).buffer);
    for (const value of [26n * 1024n ** 2n, 2n ** 63n, 100n])
      expect(() => headerLength(length(value), 64, "a")).toThrow(expect.objectContaining({ code: "corrupt" }));
    expect(headerLength(length(56n), 64, "a")).toBe(56);
  });
  test("gaps and empty tensors are no fault", () =>
    expect(parse({ b: entry(32, 40), a: entry(0, 8), c: entry(8, 8), __metadata__: { format: "pt" } })).toMatchObject([
      { name: "a" },
      { name: "c", sizeBytes: 0 },
      { name: "b" },
    ]));
});

test("numbers change their type as numpy's do", () => {
  const values = new Float32Array([0, -1.5, 65_504, 65_520, 1e-8, 1 + 2 ** -8, 1 + 3 * 2 ** -8, Number.NaN, Infinity]);
  const bytes = new Uint8Array(values.buffer);
  const brain = new Uint16Array(convertFloats(bytes, "F32", "BF16").buffer);
  expect([...brain]).toEqual([0, 0xbfc0, 0x4780, 0x4780, 0x322c, 0x3f80, 0x3f82, 0x7fc0, 0x7f80]);
  const halves = convertFloats(bytes, "F32", "F16");
  expect([...new Uint16Array(halves.buffer)].slice(0, 5)).toEqual([0, 0xbe00, 0x7bff, 0x7c00, 0]);
  expect(convertFloats(bytes, "F32", "F32")).toBe(bytes);
  const small = new Uint8Array(new Float16Array([2 ** -12]).buffer);
  expect(new Float32Array(plusOne(small, "F16").buffer)).toEqual(new Float32Array([1])); // rounded in 16 bits
});

test("rows of rotary halves become pairs, head by head", () => {
  const rows = Uint8Array.from([0, 1, 2, 3, 10, 11, 12, 13]);
  expect([...permuteRows(rows, 4, 1)]).toEqual([0, 2, 1, 3, 10, 12, 11, 13]);
  expect([...permuteRows(rows, 4, 2)]).toEqual([0, 1, 10, 11, 2, 3, 12, 13]);
});

test("the files of a repository", () => {
  const names = ["README.md", "config.json", "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"];
  const further = [
    "model.safetensors.index.json",
    "consolidated.safetensors",
    "tokenizer.json",
    "original/tokenizer.model",
  ];
  expect(metadataFiles([...names, ...further])).toEqual(["config.json", "tokenizer.json"]);
  expect(weightFiles([...names, ...further])).toEqual([
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ]);
});

describe("what is refused before the weights are there", () => {
  const planOf = async (config: object, settings: object = {}) => {
    const files = await repositoryFiles(getTinyRepository("tiny-qwen3-moe"));
    files.set(
      "config.json",
      new TextEncoder().encode(JSON.stringify({ ...getTinyRepository("tiny-qwen3-moe").config, ...config })),
    );
    const tokenizer = JSON.parse(new TextDecoder().decode(files.get("tokenizer.json")));
    files.set("tokenizer.json", new TextEncoder().encode(JSON.stringify({ ...tokenizer, ...settings })));
    return () => planConversion(files).metadata("BF16", "refused");
  };
  test("another architecture, by its name", async () =>
    expect(await planOf({ architectures: ["ZebraForCausalLM"] })).toThrow("ZebraForCausalLM"));
  test("a field that is missing, by its name", async () =>
    expect(await planOf({ hidden_size: null })).toThrow("config.json has no hidden_size"));
  test("quantized weights", async () =>
    expect(await planOf({ quantization_config: { quant_method: "fp8" } })).toThrow("quantization_config"));
  test("a pre-tokenizer that nobody knows", async () => {
    const split = { type: "Split", pattern: { Regex: "a" }, behavior: "Isolated", invert: false };
    const steps = { type: "Sequence", pretokenizers: [split, { type: "ByteLevel", use_regex: false }] };
    expect(await planOf({}, { pre_tokenizer: steps })).toThrow("llama.cpp knows no pre-tokenizer");
  });
});

test("Gemma 3 leaves out what transformers knows", async () => {
  const repository = getTinyRepository("tiny-gemma3-vision");
  const files = await repositoryFiles(repository);
  const text = {
    ...(repository.config.text_config as object),
    vocab_size: null,
    num_attention_heads: null,
    head_dim: null,
  };
  const bare = { ...repository.config, text_config: text, vocab_size: null, num_attention_heads: null, head_dim: null };
  files.set("config.json", new TextEncoder().encode(JSON.stringify(bare)));
  const plan = planConversion(files);
  const metadata = plan.metadata("BF16", "bare");
  expect(plan.hasEncoders).toBe(true);
  expect(metadata.get("tokenizer.ggml.tokens")).toMatchObject({ length: 262_208 });
  expect(metadata.get("gemma3.attention.head_count")).toEqual({ type: "uint32", value: 8 });
  expect(metadata.get("gemma3.attention.key_length")).toEqual({ type: "uint32", value: 256 });
});

describe("what is written", () => {
  const inFolder = async (use: (dir: string) => Promise<void>) => {
    const dir = await mkdtemp(join(tmpdir(), "llmlb-convert-"));
    try {
      await writeRepository(getTinyRepository("tiny-qwen2-moe"), join(dir, "source"));
      await use(dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  };
  test("an aborted conversion leaves nothing", () =>
    inFolder(async (dir) => {
      const abort = new AbortController();
      const options = { dir: join(dir, "source"), output: join(dir, "out.gguf"), type: "F16" } as const;
      const converting = convertModel({ ...options, signal: abort.signal, onProgress: () => abort.abort() });
      expect(converting).rejects.toMatchObject({ name: "AbortError" });
      await converting.catch(() => undefined);
      expect(await readdir(dir)).toEqual(["source"]);
    }));
  test("a shard that is missing is named, and nothing is left", () =>
    inFolder(async (dir) => {
      await rm(join(dir, "source", "model-00002-of-00003.safetensors"));
      const converting = convertModel({ dir: join(dir, "source"), output: join(dir, "out.gguf"), type: "F16" });
      expect(converting).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining("model-00002") });
      await converting.catch(() => undefined);
      expect(await readdir(dir)).toEqual(["source"]);
    }));
  test("progress ends at the size of the file", () =>
    inFolder(async (dir) => {
      const seen: number[] = [];
      const output = join(dir, "out.gguf");
      await convertModel({
        dir: join(dir, "source"),
        output,
        type: "F32",
        onProgress: (done, total) => seen.push(done / total),
      });
      expect(seen.at(-1)).toBe(1);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    }));
});
