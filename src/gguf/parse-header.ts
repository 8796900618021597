import { type ByteWindow, type Parsing, quote } from "./byte-window.ts";
import type { GgufHeader } from "./header.ts";
import { ggufLimits as limits } from "./limits.ts";
import { parseTensors } from "./parse-tensors.ts";
import { type GgufScalar, type GgufScalarType, type GgufValue, ggufArrayTypeNumber, ggufValueTypes } from "./value.ts";

const magic = "GGUF";
const defaultAlignment = 32;

const typeNames: ReadonlyMap<number, GgufScalarType> = new Map(
  Object.entries(ggufValueTypes).map(([name, { number }]) => [number, name as GgufScalarType]),
);

/** Parses a whole header; `itemsMax` is the longest array whose items are kept. Throws `corrupt`. */
export function* parseHeader(window: ByteWindow, itemsMax: number): Parsing<GgufHeader> {
  const version = yield* parseVersion(window);
  const tensorCount = yield* parseCount(window, "the number of tensors", limits.tensorCount);
  const keyCount = yield* parseCount(window, "the number of keys", limits.keyCount);
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < keyCount; index++) {
    const key = yield* window.string(`key ${index}`, limits.keyBytes);
    if (key === "") window.fail(`key ${index} is empty`);
    if (metadata.has(key)) window.fail(`key ${quote(key)} is there twice`);
    metadata.set(key, yield* parseValue(window, `the value of ${quote(key)}`, itemsMax));
  }
  const alignment = findAlignment(window, metadata.get("general.alignment"));
  const { tensors, dataOffset } = yield* parseTensors(window, tensorCount, alignment);
  return { version, metadata, tensors, alignment, dataOffset, sizeBytes: window.sizeBytes };
}

function* parseVersion(window: ByteWindow): Parsing<number> {
  yield* window.need(8, "its first 8 bytes");
  const found = window.text(4);
  if (found !== magic) window.fail(`it starts with ${quote(found)} instead of ${quote(magic)}`);
  const version = window.uint32();
  if (version === 1) window.fail("GGUF version 1 is no longer supported; convert the model again");
  if ((version & 0xffff) === 0) window.fail("it is big-endian; convert the model again for this machine");
  if (version !== 2 && version !== 3) window.fail(`GGUF version ${version} is unknown`);
  return version;
}

function* parseCount(window: ByteWindow, what: string, max: number): Parsing<number> {
  yield* window.need(8, what);
  return window.length(what, max);
}

function* parseValue(window: ByteWindow, what: string, itemsMax: number): Parsing<GgufValue> {
  yield* window.need(4, what);
  const number = window.uint32();
  if (number === ggufArrayTypeNumber) return yield* parseArray(window, what, itemsMax);
  const type = typeNames.get(number);
  if (type === undefined) return window.fail(`${what} has unknown type ${number}`);
  if (type === "string") return { type, value: yield* window.string(what, limits.stringBytes) };
  yield* window.need(ggufValueTypes[type].bytes, what);
  if (type === "bool") return { type, value: window.uint8() !== 0 };
  if (type === "uint64" || type === "int64") return { type, value: window[type]() };
  return { type, value: window[type]() };
}

function* parseArray(window: ByteWindow, what: string, itemsMax: number): Parsing<GgufValue> {
  yield* window.need(4, what);
  const number = window.uint32();
  const itemType = typeNames.get(number);
  if (itemType === undefined)
    return window.fail(
      `${what} is an array of ${number === ggufArrayTypeNumber ? "arrays" : `unknown type ${number}`}`,
    );
  const length = yield* parseCount(window, `the length of ${what}`, limits.arrayItems);
  const itemBytes = ggufValueTypes[itemType].bytes ?? 8; // a string has at least its length
  window.check(length * itemBytes, what);
  const keep = length <= itemsMax;
  if (itemType === "string") return yield* parseTexts(window, what, length, keep);
  if (keep) return { type: "array", itemType, length, items: yield* parseItems(window, what, itemType, length) };
  window.skip(length * itemBytes);
  return { type: "array", itemType, length };
}

/** Strings have to be walked even when they are not kept: only each one's length tells where the next begins. */
function* parseTexts(window: ByteWindow, what: string, length: number, keep: boolean): Parsing<GgufValue> {
  const items: string[] = [];
  const lengthOf = `the length of a string in ${what}`;
  for (let index = 0; index < length; index++) {
    if (!window.has(8)) yield* window.need(8, what);
    const bytes = window.length(lengthOf, limits.arrayStringBytes);
    if (!window.has(bytes)) yield* window.need(bytes, what);
    if (keep) items.push(window.text(bytes));
    else window.skip(bytes);
  }
  return keep ? { type: "array", itemType: "string", length, items } : { type: "array", itemType: "string", length };
}

function* parseItems(
  window: ByteWindow,
  what: string,
  itemType: Exclude<GgufScalarType, "string">,
  length: number,
): Parsing<GgufScalar[]> {
  const { bytes } = ggufValueTypes[itemType];
  const read = itemType === "bool" ? () => window.uint8() !== 0 : window[itemType];
  const items: GgufScalar[] = [];
  for (let index = 0; index < length; index++) {
    if (!window.has(bytes)) yield* window.need(bytes, what);
    items.push(read());
  }
  return items;
}

const findAlignment = (window: ByteWindow, value: GgufValue | undefined): number => {
  if (value === undefined) return defaultAlignment;
  if (value.type !== "uint32") return window.fail(`general.alignment is ${value.type} instead of uint32`);
  const alignment = value.value;
  if (alignment === 0 || (alignment & (alignment - 1)) !== 0 || alignment > limits.alignment)
    window.fail(`general.alignment ${alignment} is no power of two up to ${limits.alignment}`);
  return alignment;
};
