import type { GgufValue } from "../gguf/value.ts";
import { float32, int32 } from "./gguf-values.ts";
import type { JsonObject } from "./json-object.ts";

/** What generation_config.json recommends, by the keys that llama.cpp reads it from. */
const keys: readonly (readonly [key: string, sources: readonly string[], value: (value: number) => GgufValue])[] = [
  ["general.sampling.top_k", ["top_k"], int32],
  ["general.sampling.top_p", ["top_p"], float32],
  ["general.sampling.min_p", ["min_p"], float32],
  ["general.sampling.temp", ["temperature"], float32],
  ["general.sampling.penalty_repeat", ["penalty_repeat", "repetition_penalty"], float32],
];

export const samplingValues = (generation: JsonObject): Record<string, GgufValue> =>
  Object.fromEntries(
    keys.flatMap(([key, sources, make]) => {
      const value = sources.map((source) => generation[source]).find((found) => found !== undefined);
      return typeof value === "number" && fits(value, make) ? [[key, make(value)]] : [];
    }),
  );

/** A recommendation that its type cannot hold is none. */
const fits = (value: number, make: (value: number) => GgufValue): boolean =>
  make === int32 ? (value | 0) === value : Number.isFinite(value);
