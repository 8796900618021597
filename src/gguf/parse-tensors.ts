import { type ByteWindow, type Parsing, quote } from "./byte-window.ts";
import type { GgufTensor } from "./header.ts";
import { ggufLimits as limits } from "./limits.ts";
import { type TensorType, tensorTypes } from "./tensor-types.ts";

/**
 * Parses the tensor table and checks it against the file: shapes, sizes and offsets. Throws `corrupt`.
 * As in llama.cpp, tensors lie one after the other without gaps, each at the next multiple of `alignment`: nothing can overlap.
 */
export function* parseTensors(
  window: ByteWindow,
  count: number,
  alignment: number,
): Parsing<{ tensors: GgufTensor[]; dataOffset: number }> {
  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  let expectedOffset = 0;
  for (let index = 0; index < count; index++) {
    const tensor = yield* parseTensor(window, index);
    if (names.has(tensor.name)) window.fail(`tensor ${quote(tensor.name)} is there twice`);
    if (tensor.offset !== expectedOffset)
      window.fail(`tensor ${quote(tensor.name)} starts at ${tensor.offset} instead of ${expectedOffset}`);
    checkEnd(window, tensor, window.offset);
    names.add(tensor.name);
    tensors.push(tensor);
    expectedOffset = roundUp(tensor.offset + tensor.sizeBytes, alignment);
  }
  const dataOffset = count === 0 ? window.offset : roundUp(window.offset, alignment);
  const last = tensors.at(-1);
  if (last !== undefined) checkEnd(window, last, dataOffset);
  return { tensors, dataOffset };
}

/** The next multiple of `alignment`, in bytes. */
export const roundUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

function* parseTensor(window: ByteWindow, index: number): Parsing<GgufTensor> {
  const name = yield* window.string(`the name of tensor ${index}`, limits.tensorNameBytes);
  const what = `tensor ${quote(name)}`;
  yield* window.need(4, what);
  const dimensions = window.uint32();
  if (dimensions > limits.dimensions)
    window.fail(`${what} has ${dimensions} dimensions, the most is ${limits.dimensions}`);
  yield* window.need(dimensions * 8 + 4 + 8, what);
  const dims = Array.from({ length: dimensions }, () =>
    window.length(`a dimension of ${what}`, Number.MAX_SAFE_INTEGER),
  );
  const type = tensorTypes.get(window.uint32());
  if (type === undefined) return window.fail(`${what} has a type that ggml does not know`);
  const sizeBytes = sizeOf(window, what, type, dims);
  const offset = window.length(`the offset of ${what}`, Number.MAX_SAFE_INTEGER);
  return { name, type: type.name, dims, offset, sizeBytes };
}

/** Size in bytes; every partial product stays below 2^53, so nothing wraps or is rounded. */
const sizeOf = (window: ByteWindow, what: string, type: TensorType, dims: number[]): number => {
  const [row = 1, ...rest] = dims;
  if (row % type.blockElements !== 0)
    window.fail(`${what} has rows of ${row} elements, not a multiple of ${type.blockElements} as ${type.name} needs`);
  let sizeBytes = (row / type.blockElements) * type.blockBytes;
  for (const dim of rest) {
    sizeBytes *= dim;
    if (sizeBytes > window.sizeBytes) break;
  }
  if (sizeBytes > window.sizeBytes) window.fail(`${what} is larger than the file (${window.sizeBytes} bytes)`);
  return sizeBytes;
};

/**
 * Throws `corrupt` unless the file holds all of `tensor`. Called for each with what is known of the data section's start, so that the
 * sum of all sizes never grows past the file, and once more for the last when the start is known: it ends last.
 */
const checkEnd = (window: ByteWindow, tensor: GgufTensor, dataOffset: number): void => {
  const end = dataOffset + tensor.offset + tensor.sizeBytes;
  if (end > window.sizeBytes)
    window.fail(
      `tensor ${quote(tensor.name)} ends at byte ${end}, the file at byte ${window.sizeBytes}: it is truncated`,
    );
};
