/** Half-open [start, end) ranges of a file: sorted, apart from each other, immutable. */
export type ByteRange = readonly [start: number, end: number];
export type ByteRanges = readonly ByteRange[];

/** `ranges` with `added` merged in. */
export const addRange = (ranges: ByteRanges, [start, end]: ByteRange): ByteRanges => {
  if (start >= end) return ranges;
  const before = ranges.filter((range) => range[1] < start);
  const after = ranges.filter((range) => range[0] > end);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const merged: ByteRange = [Math.min(start, touching[0]?.[0] ?? start), Math.max(end, touching.at(-1)?.[1] ?? end)];
  return [...before, merged, ...after];
};

/** What of [0, sizeBytes) is not in `ranges`. */
export const missingRanges = (ranges: ByteRanges, sizeBytes: number): ByteRanges => {
  const missing: ByteRange[] = [];
  let position = 0;
  for (const [start, end] of ranges) {
    if (start > position) missing.push([position, start]);
    position = end;
  }
  if (position < sizeBytes) missing.push([position, sizeBytes]);
  return missing;
};

export const rangesTotal = (ranges: ByteRanges): number => ranges.reduce((sum, [start, end]) => sum + end - start, 0);

/** End of what is there without a gap from the first byte on. */
export const contiguousEnd = (ranges: ByteRanges): number => (ranges[0]?.[0] === 0 ? ranges[0][1] : 0);

/** Ranges read from a file, or undefined when they are not ranges inside [0, sizeBytes). */
export const parseRanges = (value: unknown, sizeBytes: number): ByteRanges | undefined => {
  if (!Array.isArray(value) || value.length > 100_000) return undefined;
  let position = 0;
  for (const range of value) {
    if (!Array.isArray(range) || range.length !== 2) return undefined;
    const [start, end] = range;
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return undefined;
    if (start < position || end <= start || end > sizeBytes) return undefined;
    position = end;
  }
  return value as unknown as ByteRanges;
};
