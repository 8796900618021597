import { expect, test } from "bun:test";
import { writeLedger } from "../../src/hub/write-ledger.ts";
import { type ByteRanges, rangesTotal } from "../../src/store/byte-ranges.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { mib } from "./harness.ts";

/** A ledger whose journal and disk only note what they are told; `endSync` ends the sync that is under way. */
const ledgerHarness = (have: ByteRanges = []) => {
  const flushed: ByteRanges[] = [];
  const checkpoints: ByteRanges[] = [];
  const syncs: PromiseWithResolvers<void>[] = [];
  const clock = manualClock();
  const ledger = writeLedger({
    journal: {
      flush: (ranges) => void flushed.push(ranges),
      checkpoint: async (ranges) => void checkpoints.push(ranges),
      [Symbol.dispose]: () => undefined,
    },
    file: {
      write: () => Promise.resolve(),
      sync() {
        const sync = Promise.withResolvers<void>();
        syncs.push(sync);
        return sync.promise;
      },
      close: () => Promise.resolve(),
    },
    hash: { advance: () => undefined, digest: new Promise(() => undefined), stop: () => undefined },
    have,
    clock,
    onProgress: () => undefined,
  });
  return { ledger, clock, flushed, checkpoints, syncs };
};

test("the journal is never more than 4 MiB behind what is written, however the writes come", () => {
  const { ledger, flushed } = ledgerHarness([[0, 100]]);
  expect(flushed).toEqual([[[0, 100]]]);
  let writtenBytes = 100;
  for (let turn = 0; turn < 400; turn++) {
    const bytes = [64 * 1024, 512 * 1024, 37, 900 * 1024][turn % 4] ?? 0;
    const start = (turn % 5) * 1024 * mib + turn * mib; // five streams in five places
    ledger.onWritten(start + 200, start + 200 + bytes);
    writtenBytes += bytes;
    expect(writtenBytes - rangesTotal(flushed.at(-1) ?? [])).toBeLessThan(4 * mib);
  }
  expect(flushed.length).toBeLessThan(200); // and not once a write either
});

test("on a slow network the journal is written once a second", async () => {
  const { ledger, clock, flushed } = ledgerHarness();
  ledger.onWritten(0, 10);
  expect(flushed).toHaveLength(1);
  await clock.advance(1_000);
  ledger.onWritten(10, 20);
  expect(flushed.at(-1)).toEqual([[0, 20]]);
});

test("what was synced is noted every 256 MiB, and is only what was written before the sync began", async () => {
  const { ledger, checkpoints, syncs } = ledgerHarness();
  ledger.onWritten(0, 255 * mib);
  expect(syncs).toHaveLength(0);
  ledger.onWritten(255 * mib, 256 * mib);
  expect(syncs).toHaveLength(1);
  ledger.onWritten(256 * mib, 600 * mib);
  expect(syncs).toHaveLength(1); // one at a time
  expect(checkpoints).toEqual([]);
  syncs[0]?.resolve();
  await ledger.settle();
  expect(checkpoints).toEqual([[[0, 256 * mib]]]);
});

test("on a slow network it is noted every 30 s", async () => {
  const { ledger, clock, checkpoints, syncs } = ledgerHarness();
  ledger.onWritten(0, 10);
  await clock.advance(30_000);
  ledger.onWritten(10, 20);
  syncs[0]?.resolve();
  await ledger.settle();
  expect(checkpoints).toEqual([[[0, 20]]]);
});

test("a sync that fails ends the download: at the next write, or at the end if there is none", async () => {
  const { ledger, checkpoints, syncs } = ledgerHarness();
  ledger.onWritten(0, 256 * mib);
  syncs[0]?.reject(new Error("the disk is gone"));
  expect(await ledger.settle().catch((error: Error) => error.message)).toBe("the disk is gone");
  expect(() => ledger.onWritten(256 * mib, 257 * mib)).toThrow("the disk is gone");
  expect(checkpoints).toEqual([]);
});
