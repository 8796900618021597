type GgufIntegerType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "uint64" | "int64";
export type GgufScalarType = GgufIntegerType | "float32" | "float64" | "bool" | "string";

/** Numbers of the value types in a file (enum gguf_type) and the size of one item; a string's size is in the file. */
export const ggufValueTypes = {
  uint8: { number: 0, bytes: 1 },
  int8: { number: 1, bytes: 1 },
  uint16: { number: 2, bytes: 2 },
  int16: { number: 3, bytes: 2 },
  uint32: { number: 4, bytes: 4 },
  int32: { number: 5, bytes: 4 },
  float32: { number: 6, bytes: 4 },
  bool: { number: 7, bytes: 1 },
  string: { number: 8, bytes: undefined },
  uint64: { number: 10, bytes: 8 },
  int64: { number: 11, bytes: 8 },
  float64: { number: 12, bytes: 8 },
} as const satisfies Record<GgufScalarType, { number: number; bytes: number | undefined }>;

/** Type number of an array; nested arrays are not read, as llama.cpp reads none. */
export const ggufArrayTypeNumber = 9;

/** Value of one item: 64-bit integers are bigint, so that nothing is rounded. */
export type GgufScalar = string | number | bigint | boolean;

interface GgufArray {
  type: "array";
  itemType: GgufScalarType;
  length: number;
  /** Absent when the array was longer than the reader was asked to keep. */
  items?: readonly GgufScalar[];
}

export type GgufValue =
  | { type: Exclude<GgufIntegerType, "uint64" | "int64"> | "float32" | "float64"; value: number }
  | { type: "uint64" | "int64"; value: bigint }
  | { type: "bool"; value: boolean }
  | { type: "string"; value: string }
  | GgufArray;

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Text under `key`, when it is there and is text. */
export const findText = (metadata: GgufMetadata, key: string): string | undefined => {
  const found = metadata.get(key);
  return found?.type === "string" ? found.value : undefined;
};

/** Number under `key`, when it is there, is a number and is exact as a JavaScript number. */
export const findNumber = (metadata: GgufMetadata, key: string): number | undefined => {
  const found = metadata.get(key);
  if (found === undefined || !("value" in found)) return undefined;
  if (typeof found.value === "number") return found.value;
  if (typeof found.value !== "bigint") return undefined;
  const number = Number(found.value);
  return Number.isSafeInteger(number) ? number : undefined;
};

/** The value as JSON can hold it: what is no safe integer becomes text, non-finite numbers and skipped arrays null. */
export const toJsonValue = (value: GgufValue): unknown =>
  value.type === "array" ? (value.items?.map(scalarToJson) ?? null) : scalarToJson(value.value);

const scalarToJson = (value: GgufScalar): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return typeof value === "number" && !Number.isFinite(value) ? null : value;
};
