/** What the fuzz tests share: how often a property is tried, and what its inputs are made of. */
import fc from "fast-check";
import { AppError, isErrorCode } from "../../src/core/errors.ts";

const wantedRuns = Number(process.env.FUZZ_RUNS ?? Number.NaN);
const seed = Number(process.env.FUZZ_SEED ?? Number.NaN);
const fixedSeed = 20_261_125; // the gate tries the same inputs each time
const slowMs = 5_000; // a run takes milliseconds: this is a loop that does not end in time, not a busy machine

/**
 * Tries `check` on many inputs and fails with the smallest that breaks it. `runs` is for the gate; FUZZ_RUNS=100000 searches for that many
 * inputs that nobody has tried yet, FUZZ_SEED repeats a search.
 */
export const holds = async <T>(
  inputs: fc.Arbitrary<T>,
  check: (input: T) => unknown,
  { runs = 100 }: { runs?: number } = {},
): Promise<void> => {
  const isLong = Number.isInteger(wantedRuns);
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      const startMs = performance.now();
      await check(input);
      const tookMs = performance.now() - startMs;
      if (tookMs > slowMs) throw new Error(`it took ${Math.round(tookMs)} ms`);
    }),
    {
      numRuns: isLong ? wantedRuns : runs,
      timeout: 2 * slowMs, // of what waits for ever
      ...(Number.isInteger(seed) ? { seed } : isLong ? {} : { seed: fixedSeed }),
    },
  );
};

/** How long a test may take: searches that somebody has asked for have no end in sight. */
export const fuzzTimeoutMs = Number.isInteger(wantedRuns) ? 24 * 3_600_000 : 60_000;

/**
 * The value that `action` returns, or undefined where it throws what it may throw: an AppError that says in one line of bounded length what is
 * wrong. Everything else passes through, and fails the test.
 */
export const allowed = async <T>(action: () => T | Promise<T>): Promise<T | undefined> => {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (!isErrorCode(error.code) || error.code === "internal") throw error;
    if (error.message.length > 20_000) throw new Error(`a message of ${error.message.length} characters`);
    return undefined;
  }
};

/** Keys and texts at which programs have stumbled before. */
const nastyTexts = [
  ...[
    "",
    " ",
    "\0",
    "\n",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "length",
    "then",
    "\ud800",
    "\u202e",
  ],
  ...["../../etc/passwd", "C:\\x", "a".repeat(300), "%", "%00", "%zz", "😀", "[PAD0]", "null", "true", "-1", "1e999"],
];

export const nastyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...nastyTexts) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
);

const nastyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300, -1e300, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.double({ noNaN: true }),
);

/** As JSON.parse makes it: `__proto__` is a key like any other. */
const asObject = (entries: readonly (readonly [string, unknown])[]): unknown => {
  const object = {};
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  return object;
};

const deeplyNested = (depth: number): unknown => {
  let value: unknown = {};
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { type: "Sequence", a: value };
  return value;
};

const usualKey = fc.constantFrom("type", "name", "content", "id", "text");

/** What JSON.parse may return, Infinity (from 1e999) too. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 6, arbitrary: fc.constantFrom(null, true, false) },
    { weight: 6, arbitrary: nastyNumber },
    { weight: 6, arbitrary: nastyText },
    { weight: 6, arbitrary: fc.array(tie("value"), { maxLength: 4 }) },
    {
      weight: 6,
      arbitrary: fc.array(fc.tuple(fc.oneof(nastyText, usualKey), tie("value")), { maxLength: 4 }).map(asObject),
    },
    { weight: 1, arbitrary: fc.constantFrom(100, 3_000).map(deeplyNested) },
  ),
})).value;

type Change = { at: number; kind: "replace" | "remove" | "add" | "repeat"; value: unknown; key: string };

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom("replace", "replace", "replace", "remove", "add", "repeat"),
  value: anyJson,
  key: nastyText,
});

/** `document` with some of its values replaced, removed, repeated or joined by others. */
export const changedJson = (document: unknown): fc.Arbitrary<unknown> =>
  fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => changes.reduce(applyChange, document));

const applyChange = (document: unknown, { at, kind, value, key }: Change): unknown => {
  const root = { document: structuredClone(document) };
  const places = placesIn(root);
  const place = places[at % places.length];
  if (!place) return document;
  const { parent, name } = place;
  const old = parent[name];
  if (kind === "replace") parent[name] = value;
  else if (kind === "remove") Array.isArray(parent) ? parent.splice(Number(name), 1) : delete parent[name];
  else if (kind === "repeat") parent[name] = Array.from({ length: 8 }, () => old);
  else if (typeof old === "object" && old !== null && !Array.isArray(old))
    Object.defineProperty(old, key, { value, writable: true, enumerable: true, configurable: true });
  else parent[name] = [old, value];
  return root.document;
};

interface Place {
  parent: Record<string, unknown>;
  name: string;
}

const placesMax = 5_000; // of a vocabulary with 100,000 tokens some are enough

const placesIn = (root: unknown): Place[] => {
  const places: Place[] = [];
  const left: unknown[] = [root];
  while (left.length > 0 && places.length < placesMax) {
    const parent = left.shift();
    if (typeof parent !== "object" || parent === null) continue;
    for (const name of Object.keys(parent).slice(0, 500)) {
      places.push({ parent: parent as Record<string, unknown>, name });
      left.push((parent as Record<string, unknown>)[name]);
    }
  }
  return places;
};

type Edit = {
  at: number;
  kind: "byte" | "u32" | "u64" | "remove" | "insert" | "cut" | "copy";
  value: number;
  bytes: Uint8Array;
};

const extremes = [
  0,
  1,
  2,
  8,
  9,
  63,
  64,
  127,
  128,
  255,
  256,
  65_535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 40,
  2 ** 53,
  2 ** 63,
  2 ** 64 - 2048,
];

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom("byte", "byte", "u32", "u64", "remove", "insert", "cut", "copy"),
  value: fc.oneof(fc.constantFrom(...extremes), fc.nat()),
  bytes: fc.uint8Array({ maxLength: 16 }),
});

/** `file` with some bytes overwritten, removed, repeated or cut off; the edits fall into its first `within` bytes. */
export const changedBytes = (file: Uint8Array, within: number = file.length): fc.Arbitrary<Uint8Array> =>
  fc
    .array(edit, { minLength: 1, maxLength: 5 })
    .map((edits) => edits.reduce((bytes, one) => applyEdit(bytes, one, within), file));

const applyEdit = (file: Uint8Array, { at, kind, value, bytes }: Edit, within: number): Uint8Array => {
  const place = at % Math.max(1, Math.min(within, file.length));
  const before = file.subarray(0, place);
  switch (kind) {
    case "byte":
      return place < file.length ? new Uint8Array(file).fill(value, place, place + 1) : file;
    case "u32":
      return overwritten(file, place, little(BigInt(value) & 0xffff_ffffn, 4));
    case "u64":
      return overwritten(file, place, little(BigInt(value), 8));
    case "remove":
      return Buffer.concat([before, file.subarray(place + (value % 64))]);
    case "insert":
      return Buffer.concat([before, bytes, file.subarray(place)]);
    case "cut":
      return before;
    case "copy":
      return Buffer.concat([before, file.subarray(Math.max(0, place - (value % 256)))]);
  }
};

const overwritten = (file: Uint8Array, place: number, bytes: Uint8Array): Uint8Array => {
  const changed = new Uint8Array(file);
  changed.set(bytes.subarray(0, Math.max(0, file.length - place)), place);
  return changed;
};

const little = (value: bigint, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));

/** Bytes in pieces that begin and end anywhere. */
export const cutAt = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places]
    .map((start, index) => bytes.subarray(start, places[index] ?? bytes.length))
    .filter(({ length }) => length > 0);
};

export const someCuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.nat(), { maxLength: 8 }),
  fc.constant(Array.from({ length: 2_000 }, (_, place) => place)), // byte by byte
);

export { fc };
