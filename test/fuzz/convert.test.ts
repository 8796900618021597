import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getTinyRepository, repositoryFiles } from "../../scripts/fixtures/build-repository.ts";
import { encodeSafetensors } from "../../scripts/fixtures/encode-safetensors.ts";
import { encodeSentencePiece } from "../../scripts/fixtures/encode-sentencepiece.ts";
import { type TinyRepository, tinyRepositories } from "../../scripts/fixtures/tiny-repositories.ts";
import { findArchitecture } from "../../src/convert/architectures/find-architecture.ts";
import { collectTensors } from "../../src/convert/checkpoint/collect-tensors.ts";
import { openShard, readShards } from "../../src/convert/checkpoint/read-shards.ts";
import { parseSafetensorsHeader, type StoredTensor } from "../../src/convert/checkpoint/safetensors-header.ts";
import { parseJsonObject } from "../../src/convert/json-object.ts";
import { ModelConfig } from "../../src/convert/model-config.ts";
import { metadataFiles, planConversion } from "../../src/convert/plan-conversion.ts";
import { planProjector } from "../../src/convert/plan-projector.ts";
import { sourceType } from "../../src/convert/source-type.ts";
import { planTensors } from "../../src/convert/tensors/plan-tensors.ts";
import { byteAlphabet } from "../../src/convert/tokenizer/byte-alphabet.ts";
import { readSentencePieces } from "../../src/convert/tokenizer/sentencepiece-model.ts";
import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import { allowed, anyJson, changedBytes, changedJson, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-fuzz-convert-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const weights = [
  { name: "a.weight", shape: [2, 4], values: new Float32Array(8) },
  { name: "b.weight", shape: [3], values: new Float32Array(3) },
];
const safetensors = encodeSafetensors("F32", weights);
const headerEnd = 8 + Number(new DataView(safetensors.buffer, safetensors.byteOffset).getBigUint64(0, true));
const header: unknown = JSON.parse(Buffer.from(safetensors.subarray(8, headerEnd)).toString());

const inside = (tensors: readonly StoredTensor[], sizeBytes: number): void => {
  for (const { offset, sizeBytes: bytes, shape } of tensors) {
    expect(offset + bytes).toBeLessThanOrEqual(sizeBytes);
    expect(shape.reduce((product, dim) => product * dim, 1)).toBeLessThanOrEqual(bytes);
  }
};

test(
  "a safetensors header names only what lies in the file",
  () =>
    holds(fc.oneof(changedJson(header), anyJson), async (value) => {
      const json = new TextEncoder().encode(JSON.stringify(value) ?? "");
      const tensors = await allowed(() => parseSafetensorsHeader(json, 8 + json.length + 44, "a.safetensors"));
      inside(tensors ?? [], 8 + json.length + 44);
    }),
  fuzzTimeoutMs,
);

test(
  "the weights of a damaged repository are read or refused",
  () => {
    const index = {
      metadata: {},
      weight_map: { "a.weight": "model-00001-of-00001.safetensors", "b.weight": "model-00001-of-00001.safetensors" },
    };
    const indexText = fc.oneof(changedJson(index), anyJson).map((value) => JSON.stringify(value) ?? "");
    return holds(
      fc.tuple(fc.oneof(fc.constant(safetensors), changedBytes(safetensors)), fc.option(indexText)),
      async ([file, text]) => {
        const shard = "model-00001-of-00001.safetensors";
        writeFileSync(join(dir, shard), file);
        if (text !== null) writeFileSync(join(dir, "model.safetensors.index.json"), text);
        const names = text === null ? [shard] : [shard, "model.safetensors.index.json"];
        const weights = await allowed(() => readShards(dir, names));
        if (weights) await allowed(() => collectTensors(weights.shards, weights.index));
        for (const found of weights?.shards ?? []) {
          inside(found.tensors, file.length);
          await using _ = await openShard(dir, found);
        }
      },
      { runs: 60 },
    );
  },
  fuzzTimeoutMs,
);

test("what is written as safetensors is read back", () =>
  holds(
    fc.uniqueArray(
      fc.tuple(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
      ),
      {
        maxLength: 6,
        selector: ([name]) => name,
      },
    ),
    (shapes) => {
      const tensors = shapes
        .filter(([name]) => name !== "__metadata__" && name !== "__proto__")
        .map(([name, shape]) => ({
          ...{ name, shape },
          values: new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(1),
        }));
      const file = encodeSafetensors("F16", tensors);
      const end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
      const read = parseSafetensorsHeader(file.subarray(8, end), file.length, "a.safetensors");
      expect(read.map(({ name, shape }) => ({ name, shape }))).toEqual(
        tensors.map(({ name, shape }) => ({ name, shape })),
      );
    },
  ));

const pieces = ["<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "<0x00>"].map((text, id) => ({
  ...{ text, score: -id },
  type: id < 3 ? 3 : id === 7 ? 6 : 1,
}));
const tokenizerModel = encodeSentencePiece(pieces);

test(
  "a tokenizer.model is read or refused, and an unharmed one is what was written",
  () =>
    holds(fc.oneof(changedBytes(tokenizerModel), fc.uint8Array({ maxLength: 100 })), async (bytes) => {
      const read = await allowed(() => readSentencePieces(bytes));
      expect(read?.length ?? 0).toBeLessThanOrEqual(bytes.length);
      expect(readSentencePieces(tokenizerModel)).toEqual(pieces);
    }),
  fuzzTimeoutMs,
);

const encode = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const changed = (document: unknown) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(encode(document)) },
    { weight: 3, arbitrary: changedJson(document).map((value) => encode(value) ?? encode("")) },
    { weight: 1, arbitrary: changedBytes(encode(document)) },
  );

/** The files that say how pictures are prepared. */
const preprocessorFiles = async (repository: TinyRepository): Promise<[string, Uint8Array][]> =>
  [...(await repositoryFiles(repository))].filter(([name]) => /^(pre)?processor_config\.json$/.test(name));

const llama = getTinyRepository("tiny-llama2");
const named = [
  { name: "default", template: "{{ messages }}" },
  { name: "tool-use", template: "x" },
];
const sentencePieceFiles = fc.record({
  "config.json": changed({ ...llama.config, vocab_size: pieces.length + 2 }),
  "tokenizer_config.json": changed({
    ...{ ...llama.settings, chat_template: named },
    added_tokens_decoder: { 8: { content: "<x>", special: true }, 9: { content: "y", special: false } },
  }),
  "tokenizer.model": fc.oneof(fc.constant(tokenizerModel), changedBytes(tokenizerModel)),
  "added_tokens.json": changed({ "<x>": 8 }),
  "generation_config.json": changed({ temperature: 0.5, top_k: 10, top_p: 0.9 }),
  "chat_template.jinja": nastyText.map(encode),
});

test(
  "whatever the small files of a repository say, the model can be written or is refused",
  () =>
    holds(
      sentencePieceFiles,
      async (record) => {
        const files = new Map(Object.entries(record));
        expect(metadataFiles([...files.keys()])).toHaveLength(files.size);
        sourceType(record["config.json"]);
        await allowed(() => {
          const plan = planConversion(files);
          const tensors = plan.planTensors(
            "BF16",
            Object.entries(llama.shapes).map(([name, shape]) => ({ name, shape })),
          );
          const shapes = tensors.map(({ name, type, shape }) => ({ name, type, dims: [...shape].reverse() }));
          encodeGgufHeader(plan.metadata("BF16", "name"), shapes);
          for (const { values } of plan.extraTensors) expect(values.length).toBeLessThan(100_000);
        });
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);

const dimension = fc.constantFrom(0, 1, 2, 3, 64, 96, 2 ** 20, 2 ** 31, 2 ** 40, 2 ** 52);
const someShapes = (shapes: Readonly<Record<string, readonly number[]>>) =>
  fc
    .tuple(fc.constantFrom(...Object.keys(shapes)), fc.array(dimension, { maxLength: 4 }))
    .map(([name, shape]) =>
      Object.entries({ ...shapes, [name]: shape }).map(([key, dims]) => ({ name: key, shape: dims })),
    );

test(
  "every family is planned or refused, whatever its config.json and its shapes are",
  () =>
    holds(
      fc
        .constantFrom(...tinyRepositories)
        .chain(({ config, shapes }) => fc.tuple(changedJson(config), someShapes(shapes))),
      async ([json, sources]) => {
        await allowed(() => {
          const config = new ModelConfig(parseJsonObject(encode(json), "config.json"));
          const architecture = findArchitecture(config.architecture);
          if (!architecture) return;
          const values = Object.entries(architecture.values(config)).flatMap(([key, value]) =>
            value ? [[key, value] as const] : [],
          );
          encodeGgufHeader(new Map(values), []);
          for (const extra of architecture.extraTensors?.(config) ?? [])
            expect(extra.values.length).toBeLessThan(100_000);
          const plans = planTensors(architecture, config, "F16", sources);
          expect(plans.reduce((sum, { slices }) => sum + slices.length, 0)).toBeLessThan(2 ** 23);
        });
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);

const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: true };
const split = { type: "Split", pattern: { Regex: "\\p{N}{1,3}" }, behavior: "Isolated", invert: false };
const tokenizer = {
  added_tokens: [{ id: 256, content: "<s>", special: true, lstrip: true, normalized: false }],
  normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }] },
  pre_tokenizer: { type: "Sequence", pretokenizers: [split, { type: "Digits" }, { type: "Punctuation" }, byteLevel] },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>" } }, { Sequence: { id: "A" } }],
    pair: [{ Sequence: { id: "A" } }, { SpecialToken: { id: "<s>" } }, { Sequence: { id: "B" } }],
  },
  model: {
    type: "BPE",
    vocab: Object.fromEntries(byteAlphabet.map((char, id) => [char, id])),
    merges: ["a b", ["c", "d"]],
  },
};
const qwen = getTinyRepository("tiny-qwen2");

test(
  "a tokenizer.json is understood or refused",
  () =>
    holds(
      fc.tuple(
        fc.oneof(
          changedJson(tokenizer),
          changedJson({ ...tokenizer, model: { ...tokenizer.model, ignore_merges: true } }),
        ),
        changedJson({ ...qwen.settings }),
      ),
      async ([json, settings]) => {
        const files = {
          "config.json": { ...qwen.config, vocab_size: 300 },
          "tokenizer.json": json,
          "tokenizer_config.json": settings,
        };
        const bytes = new Map(Object.entries(files).map(([name, value]) => [name, encode(value)]));
        await allowed(() => planConversion(bytes));
      },
      { runs: 100 },
    ),
  fuzzTimeoutMs,
);

const seeing = await Promise.all(
  tinyRepositories
    .filter(({ config }) => "vision_config" in config)
    .map(async (repository) => ({ ...repository, small: await preprocessorFiles(repository) })),
);

test(
  "every encoder of pictures is planned or refused",
  () =>
    holds(
      fc
        .constantFrom(...seeing)
        .chain(({ config, shapes, small }) => fc.tuple(changed(config), fc.constant(small), someShapes(shapes))),
      async ([config, small, sources]) => {
        await allowed(() => {
          const plan = planProjector(new Map([...small, ["config.json", config]]));
          const plans = plan.planTensors("F16", sources);
          expect(plans.reduce((sum, { slices }) => sum + slices.length, 0)).toBeLessThan(2 ** 23);
          encodeGgufHeader(plan.metadata("F16", "name"), []);
        });
      },
      { runs: 100 },
    ),
  fuzzTimeoutMs,
);
