import { type ByteRanges, missingRanges } from "../store/byte-ranges.ts";

/** A piece of a file that one request at a time fetches. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** Everything before it is on the disk. */
  position: number;
  /** Attempts since bytes last arrived. */
  failures: number;
  /** Times it was dropped for being slow. */
  drops: number;
}

const mib = 1024 * 1024;
const partMinBytes = 4 * mib;
const partMaxBytes = 32 * mib; // a stream that has to be dropped at the end is then soon caught up with
const partsAimed = 256;

/** Cuts what is missing of a file into parts, in order; small files into few, so that requests do not outweigh bytes. */
export const planParts = (have: ByteRanges, sizeBytes: number): Part[] => {
  const aimed = Math.ceil(sizeBytes / partsAimed / mib) * mib;
  const partBytes = Math.min(partMaxBytes, Math.max(partMinBytes, aimed));
  return missingRanges(have, sizeBytes).flatMap(([start, end]) =>
    Array.from({ length: Math.ceil((end - start) / partBytes) }, (_, index) =>
      newPart(start + index * partBytes, Math.min(end, start + (index + 1) * partBytes)),
    ),
  );
};

export const newPart = (start: number, end: number): Part => ({ start, end, position: start, failures: 0, drops: 0 });
