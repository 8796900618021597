import type { Clock } from "../core/clock.ts";
import { addRange, type ByteRanges, contiguousEnd, rangesTotal } from "../store/byte-ranges.ts";
import type { PartialJournal } from "../store/partial-journal.ts";
import type { DiskFile } from "./disk-access.ts";
import type { TrailingHash } from "./trailing-hash.ts";

const mib = 1024 * 1024;
const flushBytes = mib; // lost at most by a kill, besides what is under way
const flushMs = 1_000;
// Lost at most by a power cut: so many bytes or so much time, plus what comes in during the sync. On a busy disk a sync every
// 64 MiB made a pull of 2 GiB take 3.9 s instead of 3.1.
const syncBytes = 256 * mib;
const syncMs = 30_000;

/** Follows every write of a download: journal, fsync behind the writes, hash, progress. */
export interface WriteLedger extends AsyncDisposable {
  /** Throws when an earlier sync failed: a disk that cannot sync must not go on unnoticed. */
  onWritten(start: number, end: number): void;
  /** Waits for the sync that is under way; throws if one failed. */
  settle(): Promise<void>;
}

export const writeLedger = (of: {
  journal: PartialJournal;
  file: DiskFile;
  hash: TrailingHash;
  have: ByteRanges;
  clock: Clock;
  onProgress(completedBytes: number): void;
}): WriteLedger => {
  const { journal, file, hash, clock } = of;
  let ranges = of.have;
  let unflushedBytes = 0;
  let unsyncedBytes = 0;
  let flushedMs = clock.now();
  let syncedMs = flushedMs;
  let syncing: Promise<void> | undefined;
  let failure: unknown;
  const flush = () => {
    journal.flush(ranges);
    unflushedBytes = 0;
    flushedMs = clock.now();
  };
  const sync = async () => {
    const covered = ranges;
    unsyncedBytes = 0;
    syncedMs = clock.now();
    try {
      await file.sync();
      await journal.checkpoint(covered);
    } catch (error) {
      failure ??= error;
    } finally {
      syncing = undefined;
    }
  };
  flush();
  hash.advance(contiguousEnd(ranges));
  of.onProgress(rangesTotal(ranges));
  return {
    onWritten(start, end) {
      if (failure !== undefined) throw failure;
      ranges = addRange(ranges, [start, end]);
      unflushedBytes += end - start;
      unsyncedBytes += end - start;
      if (unflushedBytes >= flushBytes || clock.now() - flushedMs >= flushMs) flush();
      if (unsyncedBytes >= syncBytes || clock.now() - syncedMs >= syncMs) syncing ??= sync();
      hash.advance(contiguousEnd(ranges));
      of.onProgress(rangesTotal(ranges));
    },
    async settle() {
      await syncing;
      if (failure !== undefined) throw failure;
    },
    async [Symbol.asyncDispose]() {
      await syncing;
      try {
        flush();
      } catch {
        // A full disk is what ended the download, most likely; the ranges flushed before still count.
      }
    },
  };
};
