import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { toAppError } from "../../src/core/errors.ts";
import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";
import type { GgufMetadata, GgufValue } from "../../src/gguf/value.ts";
import { corruption } from "./corruption.ts";
import { RawGguf } from "./raw-gguf.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "llmlb-gguf-"));
});
afterAll(() => rm(dir, { recursive: true }));

const everyType: GgufMetadata = new Map<string, GgufValue>([
  ["general.architecture", { type: "string", value: "llama" }],
  ["u8", { type: "uint8", value: 255 }],
  ["i8", { type: "int8", value: -128 }],
  ["u16", { type: "uint16", value: 65_535 }],
  ["i16", { type: "int16", value: -32_768 }],
  ["u32", { type: "uint32", value: 4_294_967_295 }],
  ["i32", { type: "int32", value: -2_147_483_648 }],
  ["u64", { type: "uint64", value: 2n ** 64n - 1n }],
  ["i64", { type: "int64", value: -(2n ** 63n) }],
  ["f32", { type: "float32", value: 0.5 }],
  ["f64", { type: "float64", value: 0.1 }],
  ["yes", { type: "bool", value: true }],
  ["empty", { type: "string", value: "" }],
  ["日本", { type: "string", value: "改行\nと🙂" }],
  ["texts", { type: "array", itemType: "string", length: 3, items: ["a", "", "ü"] }],
  ["numbers", { type: "array", itemType: "int32", length: 2, items: [1, -1] }],
  ["bools", { type: "array", itemType: "bool", length: 2, items: [true, false] }],
  ["bigs", { type: "array", itemType: "uint64", length: 1, items: [2n ** 60n] }],
  ["none", { type: "array", itemType: "float32", length: 0, items: [] }],
]);

const twoTensors = [
  { name: "a", type: "F32", dims: [3, 2] },
  { name: "b", type: "Q8_0", dims: [64, 2, 1, 2] },
];

const encode = (metadata: GgufMetadata, tensors = twoTensors): Uint8Array => {
  const layout = encodeGgufHeader(metadata, tensors);
  const file = new Uint8Array(layout.sizeBytes);
  file.set(layout.header);
  return file;
};

describe("a good file", () => {
  test("comes back as it was written, from memory and from disk", async () => {
    const bytes = encode(everyType);
    const path = join(dir, "good.gguf");
    await writeFile(path, bytes);
    for (const source of [memorySource(bytes), path]) {
      const header = await readGgufHeader(source);
      expect([...header.metadata]).toEqual([...everyType]);
      expect(header.version).toBe(3);
      expect(header.alignment).toBe(32);
      expect(header.dataOffset % 32).toBe(0);
      expect(header.sizeBytes).toBe(bytes.length);
      expect(header.tensors).toEqual([
        { name: "a", type: "F32", dims: [3, 2], offset: 0, sizeBytes: 24 },
        { name: "b", type: "Q8_0", dims: [64, 2, 1, 2], offset: 32, sizeBytes: 8 * 34 },
      ]);
      expect(header.dataOffset + 32 + 8 * 34).toBeLessThanOrEqual(bytes.length);
    }
  });

  test("may lack the padding behind its last tensor", async () => {
    const path = join(dir, "unpadded.gguf");
    await writeFile(path, encode(everyType, [{ name: "a", type: "F32", dims: [3] }]));
    const { dataOffset } = await readGgufHeader(path);
    await truncate(path, dataOffset + 12);
    expect((await readGgufHeader(path)).tensors).toHaveLength(1);
    await truncate(path, dataOffset + 11);
    await expect(readGgufHeader(path)).rejects.toThrow(
      /unpadded.gguf.*tensor "a" ends at byte \d+, the file at byte \d+/,
    );
  });

  test("may ask for another alignment, and have no tensors at all", async () => {
    const metadata = new Map<string, GgufValue>([["general.alignment", { type: "uint32", value: 64 }]]);
    const header = await readGgufHeader(memorySource(encode(metadata)));
    expect(header.alignment).toBe(64);
    expect(header.tensors[1]?.offset).toBe(64);
    expect((await readGgufHeader(memorySource(encode(everyType, [])))).tensors).toEqual([]);
  });

  test("with 300,000 tokens is read in windows; its arrays can be left out", async () => {
    const items = Array.from({ length: 300_000 }, (_, index) => `token ${index} ${"x".repeat(index % 50)}`);
    const scores = items.map((_, index) => index);
    const metadata = new Map<string, GgufValue>([
      ["tokens", { type: "array", itemType: "string", length: items.length, items }],
      ["scores", { type: "array", itemType: "float32", length: scores.length, items: scores }],
      ["last", { type: "string", value: "end" }],
    ]);
    const bytes = encode(metadata);
    const full = await readGgufHeader(memorySource(bytes));
    expect(full.metadata.get("tokens")).toEqual({ type: "array", itemType: "string", length: items.length, items });
    expect(full.metadata.get("scores")).toMatchObject({ items: scores });
    const brief = await readGgufHeader(memorySource(bytes), { arrayItemsMax: 0 });
    expect(brief.metadata.get("tokens")).toEqual({ type: "array", itemType: "string", length: items.length });
    expect(brief.metadata.get("scores")).toEqual({ type: "array", itemType: "float32", length: items.length });
    expect(brief.metadata.get("last")).toEqual({ type: "string", value: "end" });
    expect(brief.tensors).toEqual(full.tensors);
  });

  test("is read from a source that gives one byte at a time, and nothing of its tensor data is read", async () => {
    const bytes = new Uint8Array(50_000_000);
    const header = encode(everyType, [{ name: "big", type: "F32", dims: [12_000_000] }]).subarray(0, 2_000);
    bytes.set(header);
    const memory = memorySource(bytes);
    let furthest = 0;
    const slow = {
      sizeBytes: bytes.length,
      read: async (into: Uint8Array, offset: number) => {
        furthest = Math.max(furthest, offset);
        return memory.read(into.subarray(0, furthest < 3_000 ? 1 : into.length), offset);
      },
    };
    expect((await readGgufHeader(slow)).tensors).toHaveLength(1);
    expect(furthest).toBeLessThan(300_000);
  });
});

describe("a damaged file", () => {
  test("cut at every length is corrupt, never anything else", async () => {
    const whole = encode(everyType);
    const { dataOffset } = await readGgufHeader(memorySource(whole));
    for (let length = 0; length < dataOffset; length++) await corruption(whole.subarray(0, length));
    const model = buildModel("tiny-hello", "Q4_K_M");
    for (let length = 0; length < model.length; length += 509) await corruption(model.subarray(0, length));
  });

  test("with any byte of its header changed is read or corrupt", async () => {
    const whole = encode(everyType);
    const { dataOffset } = await readGgufHeader(memorySource(whole));
    let refused = 0;
    for (let at = 0; at < dataOffset; at++)
      for (const value of [0, 0x7f, 0x80, 0xff]) {
        const error = await readGgufHeader(memorySource(whole.with(at, value))).then(() => undefined, toAppError);
        if (error !== undefined) expect(error).toMatchObject({ code: "corrupt" });
        refused += error === undefined ? 0 : 1;
      }
    expect(refused).toBeGreaterThan(dataOffset);
  });

  test("that ends while it is read is corrupt", async () => {
    const bytes = encode(everyType);
    const lying = { sizeBytes: bytes.length + 1_000, read: memorySource(bytes.subarray(0, 300)).read };
    await expect(readGgufHeader(lying)).rejects.toThrow(/the model is not a usable GGUF file: the file ends inside/);
  });

  test("of no bytes, of another format, of another version", async () => {
    expect(await corruption(new Uint8Array(0))).toContain("the file ends inside its first 8 bytes");
    expect(await corruption(new TextEncoder().encode("<html>not found</html>"))).toContain(
      'starts with "<htm" instead of',
    );
    expect(await corruption(new RawGguf().version(1).counts(0, 0).bytes)).toContain("version 1 is no longer supported");
    expect(await corruption(new RawGguf().version(4).counts(0, 0).bytes)).toContain("version 4 is unknown");
    expect(await corruption(new RawGguf().version(0x03000000).counts(0, 0).bytes)).toContain("big-endian");
  });

  test("a missing file is the file system's error, not corruption", async () => {
    await expect(readGgufHeader(join(dir, "absent.gguf"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
