const bucketMs = 1000;
const bucketsMax = 10; // Ollama's window: long enough to be calm, short enough to follow the line

export interface TransferRate {
  /** Notes how many bytes were there at a time. */
  note(bytes: number, nowMs: number): void;
  /** Bytes per second over the last ten seconds; 0 until there is something to compare. */
  bytesPerSecond(nowMs: number): number;
}

/** The first note is the starting point: bytes of an earlier, interrupted pull are no speed. */
export const createTransferRate = (): TransferRate => {
  const samples: { bytes: number; atMs: number }[] = [];
  let latest: { bytes: number; atMs: number } | undefined;
  return {
    note(bytes, nowMs) {
      latest = { bytes, atMs: nowMs };
      const previous = samples.at(-1);
      if (previous && nowMs - previous.atMs < bucketMs) return;
      samples.push(latest);
      if (samples.length > bucketsMax) samples.shift();
    },
    bytesPerSecond(nowMs) {
      const [first] = samples;
      if (!first || !latest) return 0;
      const elapsedMs = Math.max(nowMs, latest.atMs) - first.atMs;
      return elapsedMs < bucketMs ? 0 : ((latest.bytes - first.bytes) * 1000) / elapsedMs;
    },
  };
};
