import type { FloatType } from "../checkpoint/safetensors-header.ts";

/** `bytes` of type `from` as type `to`; the same bytes when the types are equal. Both are little-endian, as this machine is. */
export const convertFloats = (
  bytes: Uint8Array<ArrayBuffer>,
  from: FloatType,
  to: FloatType,
): Uint8Array<ArrayBuffer> => (from === to ? bytes : narrow[to](widen[from](bytes)));

/** The same numbers plus one, in 32 bits. Halves are added in 16 bits first, as torch does. */
export const plusOne = (bytes: Uint8Array<ArrayBuffer>, from: FloatType): Uint8Array<ArrayBuffer> => {
  const values = widen[from](bytes);
  for (let index = 0; index < values.length; index++) values[index] = (values[index] ?? 0) + 1;
  return asBytes(from === "F16" ? new Float32Array(new Float16Array(values)) : values);
};

const asBytes = (view: { buffer: ArrayBuffer; byteOffset: number; byteLength: number }): Uint8Array<ArrayBuffer> =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const words = (bytes: Uint8Array<ArrayBuffer>) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);

const widen: Record<FloatType, (bytes: Uint8Array<ArrayBuffer>) => Float32Array<ArrayBuffer>> = {
  F32: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
  F16: (bytes) => new Float32Array(new Float16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)),
  BF16: (bytes) => {
    const from = words(bytes);
    const to = new Uint32Array(from.length);
    for (let index = 0; index < from.length; index++) to[index] = (from[index] ?? 0) << 16;
    return new Float32Array(to.buffer);
  },
};

const narrow: Record<FloatType, (values: Float32Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>> = {
  F32: asBytes,
  F16: (values) => asBytes(new Float16Array(values)),
  BF16: (values) => asBytes(toBrainFloats(new Uint32Array(values.buffer, values.byteOffset, values.length))),
};

/** Rounds to the nearest, ties to even; what is no number stays quiet and none. As gguf-py's quants.BF16. */
const toBrainFloats = (bits: Uint32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> => {
  const to = new Uint16Array(bits.length);
  for (let index = 0; index < bits.length; index++) {
    const value = bits[index] ?? 0;
    const isNumber = (value & 0x7fffffff) <= 0x7f800000;
    to[index] = isNumber ? (value + 0x7fff + ((value >>> 16) & 1)) >>> 16 : (value >>> 16) | 64;
  }
  return to;
};
