import { AppError } from "../../core/errors.ts";
import { isObject, parseJsonObject } from "../json-object.ts";

/** Types of weights that are converted, by their names in a file, with the bytes of an element. */
export const floatTypes = { BF16: 2, F16: 2, F32: 4 } as const;
export type FloatType = keyof typeof floatTypes;

export interface StoredTensor {
  name: string;
  type: FloatType;
  /** Outermost dimension first, as in the file. */
  shape: readonly number[];
  /** From the start of the file, in bytes. */
  offset: number;
  sizeBytes: number;
}

/** Bytes of the header's length, which the file begins with. */
export const lengthBytes = 8;

/** The format's own bound is 100 MB; the longest real headers (thousands of experts) are below 5 MB. */
const headerBytesMax = 25 * 1024 ** 2;

/** More dimensions than any weight has; bounds the work on one entry. */
const dimensionsMax = 8;

/** Length of the JSON after the first eight bytes of a file. Throws `corrupt`. */
export const headerLength = (first: Uint8Array, sizeBytes: number, file: string): number => {
  if (first.length < lengthBytes) throw broken(file, "it is shorter than 8 bytes");
  const length = Number(new DataView(first.buffer, first.byteOffset, lengthBytes).getBigUint64(0, true));
  if (length > headerBytesMax) throw broken(file, `its header is longer than ${headerBytesMax} bytes`);
  if (lengthBytes + length > sizeBytes) throw broken(file, "it ends inside its header");
  return length;
};

/**
 * The tensors of a safetensors file in the order of their data, out of its JSON header. Throws `corrupt` unless each lies inside the
 * file, is as long as its shape says and overlaps no other; `unsupported` for types that are not converted (e.g. FP8, integers).
 */
export const parseSafetensorsHeader = (json: Uint8Array, sizeBytes: number, file: string): StoredTensor[] => {
  const start = lengthBytes + json.length;
  const tensors = Object.entries(parseJsonObject(json, file))
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => readEntry(name, entry, start, file))
    .sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes);
  let end = start;
  for (const tensor of tensors) {
    if (tensor.offset < end) throw broken(file, `tensor ${quote(tensor.name)} overlaps another one`);
    end = tensor.offset + tensor.sizeBytes;
    if (end > sizeBytes) throw broken(file, `tensor ${quote(tensor.name)} ends after the file: it is truncated`);
  }
  return tensors;
};

const readEntry = (name: string, entry: unknown, start: number, file: string): StoredTensor => {
  const what = `tensor ${quote(name)}`;
  if (!isObject(entry)) throw broken(file, `${what} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isCounts(shape) || shape.length > dimensionsMax) throw broken(file, `${what} has no usable shape`);
  if (!isCounts(offsets) || offsets.length !== 2) throw broken(file, `${what} has no usable data_offsets`);
  if (typeof dtype !== "string") throw broken(file, `${what} has no dtype`);
  if (!isFloatType(dtype))
    throw new AppError("unsupported", `${file}: ${what} is stored as ${quote(dtype)}; BF16, F16 and F32 are converted`);
  const [begin = 0, end = 0] = offsets;
  const expected = shape.reduce((product, dim) => product * dim, floatTypes[dtype]);
  if (end - begin !== expected) throw broken(file, `${what} has ${end - begin} bytes, its shape says ${expected}`);
  return { name, type: dtype, shape, offset: start + begin, sizeBytes: expected };
};

const isFloatType = (dtype: string): dtype is FloatType => Object.hasOwn(floatTypes, dtype);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);

/** Text from a file as an error message may show it: one line, not long. */
const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);

const broken = (file: string, what: string) =>
  new AppError("corrupt", `${file} is not a usable safetensors file: ${what}`);
