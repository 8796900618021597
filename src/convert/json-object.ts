import { AppError } from "../core/errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `bytes` as a JSON object; throws `corrupt` naming the file. */
export const parseJsonObject = (bytes: Uint8Array, file: string): JsonObject => {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError("corrupt", `${file} is not JSON`, { cause });
  }
  if (!isObject(value)) throw new AppError("corrupt", `${file} is not a JSON object`);
  return value;
};

/** The JSON object in the file `name`, when the file is there; throws `corrupt` naming it. */
export const findJsonFile = (files: ReadonlyMap<string, Uint8Array>, name: string): JsonObject | undefined => {
  const bytes = files.get(name);
  return bytes && parseJsonObject(bytes, name);
};
