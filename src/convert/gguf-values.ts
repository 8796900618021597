import type { GgufValue } from "../gguf/value.ts";

/** Short names for the values that a conversion writes. */
export const uint32 = (value: number): GgufValue => ({ type: "uint32", value });
export const int32 = (value: number): GgufValue => ({ type: "int32", value });
export const float32 = (value: number): GgufValue => ({ type: "float32", value });
export const flag = (value: boolean): GgufValue => ({ type: "bool", value });
export const text = (value: string): GgufValue => ({ type: "string", value });
export const list = (
  itemType: "string" | "int32" | "float32" | "bool",
  items: (string | number | boolean)[],
): GgufValue => ({
  type: "array",
  itemType,
  length: items.length,
  items,
});
