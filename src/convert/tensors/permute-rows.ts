/**
 * Rows of whole heads of `headRows` rows, from transformers' order (first all first halves of the rotary pairs, then all second ones)
 * into llama.cpp's (pair by pair): row 2i comes from row i, row 2i + 1 from row headRows / 2 + i.
 */
export const permuteRows = (
  source: Uint8Array<ArrayBuffer>,
  headRows: number,
  rowBytes: number,
): Uint8Array<ArrayBuffer> => {
  const target = new Uint8Array(source.length);
  const headBytes = headRows * rowBytes;
  for (let head = 0; head < source.length; head += headBytes)
    for (let row = 0; row < headRows; row++) {
      const from = head + ((row % 2) * (headRows / 2) + (row >> 1)) * rowBytes;
      target.set(source.subarray(from, from + rowBytes), head + row * rowBytes);
    }
  return target;
};
