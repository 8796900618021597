import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import { readGgufHeader } from "../../src/gguf/read-header.ts";
import type { GgufMetadata, GgufValue } from "../../src/gguf/value.ts";
import { type GgufContent, writeGguf } from "../../src/gguf/write.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "llmlb-gguf-write-"));
});
afterAll(() => rm(dir, { recursive: true }));

const metadata: GgufMetadata = new Map<string, GgufValue>([
  ["general.architecture", { type: "string", value: "llama" }],
]);

const bytesFrom = (start: number, length: number) => Uint8Array.from({ length }, (_, index) => start + index);

const content: GgufContent = {
  metadata,
  tensors: [
    { name: "first", type: "I8", dims: [5], data: () => [bytesFrom(1, 2), bytesFrom(3, 0), bytesFrom(3, 3)] },
    {
      name: "second",
      type: "F32",
      dims: [2, 2],
      data: async function* () {
        yield bytesFrom(100, 15);
        yield bytesFrom(115, 1);
      },
    },
  ],
};

test("writeGguf puts chunks where the header says, padded, the same bytes every time", async () => {
  const path = join(dir, "a.gguf");
  const layout = await writeGguf(path, content);
  const file = new Uint8Array(await readFile(path));
  const header = await readGgufHeader(path);
  expect(file.length).toBe(layout.sizeBytes);
  expect(header.tensors).toEqual(layout.tensors);
  expect(header.dataOffset).toBe(layout.dataOffset);
  const [first = 0, second = 0] = header.tensors.map(({ offset }) => header.dataOffset + offset);
  expect(file.slice(first, first + 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0));
  expect(file.slice(second, second + 16)).toEqual(bytesFrom(100, 16));
  expect(file.length % 32).toBe(0);

  const again: number[] = [];
  await writeGguf({ write: (chunk) => void again.push(...chunk) }, content);
  expect(Uint8Array.from(again)).toEqual(file);
});

test("writeGguf asks for a tensor's data only when its turn comes, and waits for the sink", async () => {
  const events: string[] = [];
  const tensor = (name: string) => ({
    name,
    type: "I8",
    dims: [32],
    data: function* () {
      events.push(`produce ${name}`);
      yield new Uint8Array(32);
    },
  });
  const write = async (chunk: Uint8Array) => {
    events.push(`begin ${chunk.length}`);
    await Promise.resolve();
    events.push("end");
  };
  const { dataOffset } = await writeGguf({ write }, { metadata, tensors: [tensor("a"), tensor("b")] });
  expect(events).toEqual([
    ...[`begin ${dataOffset}`, "end", "produce a", "begin 32", "end", "produce b", "begin 32", "end"],
  ]);
});

test.each([4, 6])("writeGguf refuses %d bytes for a tensor of 5", async (length) => {
  const tensors = [{ name: "t", type: "I8", dims: [5], data: () => [new Uint8Array(length)] }];
  await expect(writeGguf({ write: () => undefined }, { metadata, tensors })).rejects.toMatchObject({
    code: "internal",
    message: `tensor t has ${length} bytes of data, its shape says 5`,
  });
});

test("writeGguf stops when it is aborted", async () => {
  const controller = new AbortController();
  const data = function* () {
    yield new Uint8Array(16);
    controller.abort(new Error("enough"));
    yield new Uint8Array(16);
  };
  let written = 0;
  const write = (chunk: Uint8Array) => {
    written += chunk.length;
  };
  const tensors = [{ name: "t", type: "I8", dims: [32], data }];
  const { signal } = controller;
  await expect(writeGguf({ write }, { metadata, tensors }, { signal })).rejects.toThrow("enough");
  expect(written).toBe(encodeGgufHeader(metadata, tensors).dataOffset + 16);
});

test("encodeGgufHeader refuses what a file cannot hold", () => {
  const withValue = (value: GgufValue) => () => encodeGgufHeader(new Map([["k", value]]), []);
  expect(withValue({ type: "uint8", value: 256 })).toThrow("256 does not fit uint8");
  expect(withValue({ type: "int16", value: -32_769 })).toThrow("does not fit int16");
  expect(withValue({ type: "uint32", value: 1.5 })).toThrow("1.5 does not fit uint32");
  expect(withValue({ type: "uint64", value: -1n })).toThrow("-1 does not fit uint64");
  expect(withValue({ type: "array", itemType: "string", length: 3 })).toThrow("the items of k were not read");
  expect(() => encodeGgufHeader(new Map(), [{ name: "t", type: "Q4_K", dims: [128] }])).toThrow(RangeError);
  expect(() => encodeGgufHeader(new Map(), [{ name: "t", type: "Q99", dims: [1] }])).toThrow("unknown tensor type Q99");
});
