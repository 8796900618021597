import type { GgufTensor } from "./header.ts";
import { roundUp } from "./parse-tensors.ts";
import { getTensorTypeNumber, tensorSizeBytes } from "./tensor-types.ts";
import {
  type GgufMetadata,
  type GgufScalar,
  type GgufScalarType,
  ggufArrayTypeNumber,
  ggufValueTypes,
} from "./value.ts";

const version = 3;
const defaultAlignment = 32;

export interface GgufLayout {
  /** Everything before the tensor data, padded to the alignment. */
  header: Uint8Array<ArrayBuffer>;
  /** In file order, with their offsets from the start of the data section. */
  tensors: GgufTensor[];
  alignment: number;
  /** Where the data section starts: the length of `header`. */
  dataOffset: number;
  /** Of the whole file; the last tensor is padded too. */
  sizeBytes: number;
}

/**
 * Where everything of a GGUF file goes, before a byte of tensor data is known: same input, same bytes.
 * Throws RangeError for a value that its type cannot hold, an unknown tensor type or a row that is no whole number of blocks.
 */
export const encodeGgufHeader = (
  metadata: GgufMetadata,
  shapes: readonly Pick<GgufTensor, "name" | "type" | "dims">[],
): GgufLayout => {
  const alignmentValue = metadata.get("general.alignment");
  const alignment = alignmentValue?.type === "uint32" ? alignmentValue.value : defaultAlignment;
  let end = 0;
  const tensors = shapes.map(({ name, type, dims }) => {
    const offset = end;
    const sizeBytes = tensorSizeBytes(type, dims);
    end = roundUp(offset + sizeBytes, alignment);
    return { name, type, dims, offset, sizeBytes };
  });
  const out = new Encoder();
  out.ascii("GGUF");
  out.scalar("uint32", version);
  out.scalar("uint64", BigInt(tensors.length));
  out.scalar("uint64", BigInt(metadata.size));
  for (const [key, value] of metadata) {
    out.scalar("string", key);
    if (value.type === "array") out.array(value.itemType, value.items ?? missingItems(key));
    else {
      out.scalar("uint32", ggufValueTypes[value.type].number);
      out.scalar(value.type, value.value);
    }
  }
  for (const tensor of tensors) out.tensor(tensor);
  const header = out.finish(alignment);
  return { header, tensors, alignment, dataOffset: header.length, sizeBytes: header.length + end };
};

const missingItems = (key: string): never => {
  throw new RangeError(`the items of ${key} were not read`);
};

type NumberType = Exclude<GgufScalarType, "string" | "bool">;

const setters = {
  uint8: (view, at, value) => view.setUint8(at, value),
  int8: (view, at, value) => view.setInt8(at, value),
  uint16: (view, at, value) => view.setUint16(at, value, true),
  int16: (view, at, value) => view.setInt16(at, value, true),
  uint32: (view, at, value) => view.setUint32(at, value, true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float64: (view, at, value) => view.setFloat64(at, value, true),
} satisfies Record<Exclude<NumberType, "uint64" | "int64">, (view: DataView, at: number, value: number) => void>;

/** Grows as it is written to. */
class Encoder {
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #text = new TextEncoder();

  ascii(text: string): void {
    this.#append(this.#text.encode(text));
  }

  tensor({ name, type, dims, offset }: GgufTensor): void {
    this.scalar("string", name);
    this.scalar("uint32", dims.length);
    for (const dim of dims) this.scalar("uint64", BigInt(dim));
    this.scalar("uint32", getTensorTypeNumber(type));
    this.scalar("uint64", BigInt(offset));
  }

  array(itemType: GgufScalarType, items: readonly GgufScalar[]): void {
    this.scalar("uint32", ggufArrayTypeNumber);
    this.scalar("uint32", ggufValueTypes[itemType].number);
    this.scalar("uint64", BigInt(items.length));
    for (const item of items) this.scalar(itemType, item);
  }

  scalar(type: GgufScalarType, value: GgufScalar): void {
    if (type === "string") {
      const bytes = this.#text.encode(String(value));
      this.scalar("uint64", BigInt(bytes.length));
      this.#append(bytes);
    } else if (type === "bool") this.#append(Uint8Array.of(value ? 1 : 0));
    else if (type === "uint64" || type === "int64") this.#bigint(type, BigInt(value));
    else this.#number(type, Number(value));
  }

  /** What was written, padded with zeros to a multiple of `alignment`. */
  finish(alignment: number): Uint8Array<ArrayBuffer> {
    const padded = roundUp(this.#length, alignment);
    this.#reserve(padded - this.#length);
    return this.#bytes.slice(0, padded);
  }

  #number(type: keyof typeof setters, value: number): void {
    const { bytes } = ggufValueTypes[type];
    this.#reserve(bytes);
    setters[type](this.#view, this.#length, value);
    const exact = type === "float32" || type === "float64";
    if (!exact && this.#read(type) !== value) throw new RangeError(`${value} does not fit ${type}`);
    this.#length += bytes;
  }

  #read(type: Exclude<keyof typeof setters, "float32" | "float64">): number {
    const at = this.#length;
    if (type === "uint8") return this.#view.getUint8(at);
    if (type === "int8") return this.#view.getInt8(at);
    if (type === "uint16") return this.#view.getUint16(at, true);
    if (type === "int16") return this.#view.getInt16(at, true);
    return type === "uint32" ? this.#view.getUint32(at, true) : this.#view.getInt32(at, true);
  }

  #bigint(type: "uint64" | "int64", value: bigint): void {
    if ((type === "uint64" ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) !== value)
      throw new RangeError(`${value} does not fit ${type}`);
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value), true);
    this.#length += 8;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
