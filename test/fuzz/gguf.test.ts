import { expect, test } from "bun:test";
import { buildModel, buildProjector } from "../../scripts/fixtures/models.ts";
import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import type { GgufHeader } from "../../src/gguf/header.ts";
import { modelFacts } from "../../src/gguf/model-facts.ts";
import { modelShape } from "../../src/gguf/model-shape.ts";
import { projectorFacts } from "../../src/gguf/projector-facts.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";
import { type GgufScalarType, type GgufValue, toJsonValue } from "../../src/gguf/value.ts";
import { allowed, changedBytes, fc, fuzzTimeoutMs, holds } from "./fuzz.ts";

const readMaxBytes = 256 * 1024; // what the reader takes ahead

/** Reads a header; what is asked of the file at a time may not grow with what the header claims. */
const read = async (file: Uint8Array, arrayItemsMax?: number): Promise<GgufHeader | undefined> =>
  await allowed(() => {
    const { sizeBytes, read: readAt } = memorySource(file);
    const source = {
      sizeBytes,
      read: (into: Uint8Array, offset: number) => {
        if (into.length > Math.max(readMaxBytes, file.length))
          throw new Error(`${into.length} bytes were made room for`);
        return readAt(into, offset);
      },
    };
    return readGgufHeader(source, arrayItemsMax === undefined ? {} : { arrayItemsMax });
  });

const useAll = (header: GgufHeader): void => {
  modelFacts(header);
  modelShape(header);
  projectorFacts(header);
  for (const value of header.metadata.values()) JSON.stringify(toJsonValue(value));
  for (const { offset, sizeBytes } of header.tensors)
    expect(header.dataOffset + offset + sizeBytes).toBeLessThanOrEqual(header.sizeBytes);
};

const files = [buildModel("tiny-hello"), buildModel("tiny-vision"), buildProjector("tiny-vision")];
const headerBytes = await Promise.all(files.map(async (file) => (await readGgufHeader(memorySource(file))).dataOffset));
// The weights behind the header matter only by their length.
const shortened = files.map((file, index) => file.subarray(0, (headerBytes[index] ?? 0) + 20_000));

test(
  "a damaged file is read or refused as corrupt",
  () =>
    holds(
      fc.oneof(...[...files, ...shortened].map((file, index) => changedBytes(file, headerBytes[index % 3]))),
      async (file) => {
        const header = await read(file);
        if (header) useAll(header);
        const brief = await read(file, 0);
        expect(brief === undefined).toBe(header === undefined);
      },
    ),
  fuzzTimeoutMs,
);

test(
  "any bytes after the magic are read or refused",
  () =>
    holds(
      fc.uint8Array({ maxLength: 400 }),
      async (bytes) => {
        const header = await read(Buffer.concat([Buffer.from("GGUF\x03\0\0\0"), bytes]));
        if (header) useAll(header);
      },
      { runs: 300 },
    ),
  fuzzTimeoutMs,
);

const text = fc.string({ unit: "grapheme", maxLength: 30 });

const scalars: Record<GgufScalarType, fc.Arbitrary<string | number | bigint | boolean>> = {
  uint8: fc.nat(255),
  int8: fc.integer({ min: -128, max: 127 }),
  uint16: fc.nat(65_535),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  uint32: fc.nat(2 ** 31 - 1).map((value) => value * 2),
  int32: fc.integer(),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float32: fc.float(),
  float64: fc.double(),
  bool: fc.boolean(),
  string: text,
};

const value: fc.Arbitrary<GgufValue> = fc.constantFrom(...(Object.keys(scalars) as GgufScalarType[])).chain((type) =>
  fc.oneof(
    scalars[type].map((one) => ({ type, value: one }) as GgufValue),
    fc
      .array(scalars[type], { maxLength: 20 })
      .map((items): GgufValue => ({ type: "array", itemType: type, length: items.length, items })),
  ),
);

const metadata = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), value), {
  maxLength: 12,
  selector: ([key]) => key,
});

const tensors = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 60 }),
    type: fc.constantFrom("F32", "F16", "Q8_0", "Q4_K"),
    dims: fc.tuple(
      fc.integer({ min: 1, max: 4 }).map((blocks) => blocks * 256),
      fc.nat(5),
    ),
  }),
  { maxLength: 6, selector: ({ name }) => name },
);

test(
  "what is written is read back",
  () =>
    holds(fc.tuple(metadata, tensors), async ([entries, shapes]) => {
      const written = new Map(entries.filter(([key]) => key !== "general.alignment"));
      const layout = encodeGgufHeader(written, shapes);
      const file = Buffer.concat([layout.header, Buffer.alloc(layout.sizeBytes - layout.header.length)]);
      const header = await readGgufHeader(memorySource(file));
      expect([...header.metadata]).toEqual([...written]);
      expect(header.tensors).toEqual(layout.tensors);
      expect(header.dataOffset).toBe(shapes.length === 0 ? header.dataOffset : layout.dataOffset);
      useAll(header);
    }),
  fuzzTimeoutMs,
);
