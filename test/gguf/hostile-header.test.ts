import { describe, expect, test } from "bun:test";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { ggufLimits } from "../../src/gguf/limits.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";
import { corruption } from "./corruption.ts";
import { RawGguf } from "./raw-gguf.ts";

describe("hostile counts and lengths", () => {
  const hostile = [2n ** 64n - 1n, 2n ** 63n, 2n ** 61n, 2n ** 32n, 1_000_000_000n];

  test.each(hostile)("%d keys or tensors", async (count) => {
    expect(await corruption(new RawGguf().counts(0n, count).bytes)).toContain("the number of keys is");
    expect(await corruption(new RawGguf().counts(count, 0n).bytes)).toContain("the number of tensors is");
  });

  test.each(hostile)("a string of %d bytes", async (length) => {
    expect(await corruption(new RawGguf().counts(0, 1).u64(length).bytes)).toContain("key 0");
    expect(await corruption(new RawGguf().counts(0, 1).text("k").u32(8).u64(length).bytes)).toContain(
      'the value of "k"',
    );
    const inArray = new RawGguf().counts(0, 1).text("k").u32(9).u32(8).u64(1).u64(length);
    expect(await corruption(inArray.bytes)).toContain("the length of a string in the value of");
  });

  test.each(hostile)("an array of %d items", async (length) => {
    for (const type of [0, 5, 8, 10, 12])
      expect(await corruption(new RawGguf().counts(0, 1).text("k").u32(9).u32(type).u64(length).bytes)).toContain(
        'the length of the value of "k"',
      );
  });

  test("an array that passes the bound but not the file", async () => {
    const bytes = new RawGguf().counts(0, 1).text("k").u32(9).u32(8).u64(ggufLimits.arrayItems).bytes;
    expect(await corruption(bytes)).toContain('the file ends inside the value of "k"');
  });

  test("a token longer than any real one (CVE-2025-49847: its length was kept in 32 bits)", async () => {
    const long = "x".repeat(ggufLimits.arrayStringBytes + 1);
    const bytes = new RawGguf().counts(0, 1).text("tokenizer.ggml.tokens").u32(9).u32(8).u64(1).text(long).bytes;
    expect(await corruption(bytes)).toContain("the length of a string");
  });

  test("arrays whose sum is larger than any header, in a file that would hold them", async () => {
    const arrayBytes = ggufLimits.arrayItems * 8;
    const pieces: { at: number; bytes: Uint8Array }[] = [{ at: 0, bytes: new RawGguf().counts(0, 20).bytes }];
    let end = pieces[0]?.bytes.length ?? 0;
    for (let index = 0; index < 20; index++) {
      const piece = new RawGguf().text(`k${index}`).u32(9).u32(12).u64(ggufLimits.arrayItems).bytes.subarray(8);
      pieces.push({ at: end, bytes: piece });
      end += piece.length + arrayBytes;
    }
    const read = (into: Uint8Array, offset: number) => {
      into.fill(0);
      for (const { at, bytes } of pieces) {
        const from = Math.max(at, offset);
        const to = Math.min(at + bytes.length, offset + into.length);
        if (from < to) into.set(bytes.subarray(from - at, to - at), from - offset);
      }
      return into.length;
    };
    await expect(readGgufHeader({ sizeBytes: 2 ** 40, read }, { arrayItemsMax: 0 })).rejects.toThrow(
      /its header is longer than 268435456 bytes/,
    );
  });

  test("types that do not exist, nested arrays, keys that are empty or there twice", async () => {
    expect(await corruption(new RawGguf().counts(0, 1).text("k").u32(13).u64(0).bytes)).toContain("unknown type 13");
    expect(await corruption(new RawGguf().counts(0, 1).text("k").u32(9).u32(9).u64(0).bytes)).toContain(
      "array of arrays",
    );
    expect(await corruption(new RawGguf().counts(0, 1).text("").u32(0).u8(0).bytes)).toContain("key 0 is empty");
    const twice = new RawGguf().counts(0, 2).text("k").u32(0).u8(0).text("k").u32(0).u8(0);
    expect(await corruption(twice.bytes)).toContain('key "k" is there twice');
  });

  test.each([0, 3, 48, 2 ** 31])("an alignment of %d", async (alignment) => {
    const raw = new RawGguf().counts(0, 1).text("general.alignment").u32(4).u32(alignment);
    expect(await corruption(raw.bytes)).toContain("no power of two");
  });

  test("a name with control characters stays on one line", async () => {
    const message = await corruption(
      new RawGguf()
        .counts(0, 1)
        .text(`a\n\u001b[31m${"x".repeat(500)}`)
        .u32(99).bytes,
    );
    expect(message).toMatch(/^[\x20-\x7e]+$/);
    expect(message.length).toBeLessThan(300);
  });
});

describe("hostile tensors", () => {
  const tensor = (dims: (number | bigint)[], { type = 0, offset = 0, data = 64 } = {}) =>
    new RawGguf().counts(1, 0).tensor("t", dims, type, offset).pad(32).append(new Uint8Array(data)).bytes;

  test("one that fits is read", async () => {
    expect((await readGgufHeader(memorySource(tensor([16])))).tensors[0]?.sizeBytes).toBe(64);
  });

  test.each([
    [[2n ** 63n]],
    [[2n ** 62n, 4]],
    [[2n ** 32n, 2n ** 32n]], // the product is 0 in 64 bits
    [[2n ** 31n, 2n ** 31n, 4]],
    [[2n ** 20n, 2n ** 20n, 2n ** 20n, 2n ** 4n]],
    [[2n ** 61n, 2]], // the elements fit 64 bits, the bytes do not (CVE-2026-33298)
    [[(2n ** 64n - 64n) / 4n + 32n]], // bytes wrap to a small number
  ])("a shape of %p elements", async (dims) => {
    expect(await corruption(tensor(dims))).toMatch(/larger than the file|a dimension of tensor "t" is/);
  });

  test("more dimensions than ggml has", async () => {
    expect(await corruption(tensor([1, 1, 1, 1, 1]))).toContain("5 dimensions, the most is 4");
  });

  test("a type that ggml does not have or no longer has", async () => {
    for (const type of [4, 31, 43, 2 ** 32 - 1])
      expect(await corruption(tensor([32], { type }))).toContain("a type that ggml");
  });

  test("a row that is no whole number of blocks", async () => {
    expect(await corruption(tensor([33], { type: 8 }))).toContain("not a multiple of 32 as Q8_0 needs");
  });

  test("data beyond the end of the file (CVE-2026-7482)", async () => {
    expect(await corruption(tensor([17]))).toContain("it is truncated");
    expect(await corruption(buildModel("edge-beyond-end"))).toContain('tensor "output.weight" ends at byte');
  });

  test("an offset that skips, overlaps or wraps", async () => {
    for (const offset of [1, 32, 2 ** 40]) expect(await corruption(tensor([8], { offset }))).toContain("instead of 0");
    const wrapping = new RawGguf()
      .counts(1, 0)
      .text("t")
      .u32(1)
      .u64(8)
      .u32(0)
      .u64(2n ** 64n - 32n)
      .append(new Uint8Array(64));
    expect(await corruption(wrapping.bytes)).toContain('the offset of tensor "t" is');
    const overlapping = new RawGguf().counts(2, 0).tensor("a", [16], 0, 0).tensor("b", [16], 0, 32).pad(32);
    expect(await corruption(overlapping.append(new Uint8Array(256)).bytes)).toContain('"b" starts at 32 instead of 64');
  });

  test("sizes whose sum passes the end (CVE-2025-53630, CVE-2026-27940: the sum wrapped)", async () => {
    const raw = new RawGguf().counts(3, 0);
    for (let index = 0; index < 3; index++) raw.tensor(`t${index}`, [100], 0, index * 416);
    const bytes = raw.pad(32).append(new Uint8Array(900)).bytes;
    expect(await corruption(bytes)).toContain('tensor "t2" ends at byte');
  });

  test("names that are too long or there twice", async () => {
    const long = new RawGguf().counts(1, 0).tensor("n".repeat(64), [8], 0, 0).pad(32).append(new Uint8Array(32));
    expect(await corruption(long.bytes)).toContain("the length of the name of tensor 0 is 64, the most is 63");
    const twice = new RawGguf().counts(2, 0).tensor("t", [8], 0, 0).tensor("t", [8], 0, 32).pad(32);
    expect(await corruption(twice.append(new Uint8Array(64)).bytes)).toContain('tensor "t" is there twice');
  });
});
