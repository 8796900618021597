import { expect, test } from "bun:test";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { tryLockFile } from "../../src/store/file-lock.ts";
import { openJournal } from "../../src/store/partial-journal.ts";
import { type StoreHarness, storeHarness } from "./store-harness.ts";

const day = 24 * 3_600_000;
const hex = (digit: string) => digit.repeat(64);

const addPartial = async ({ store }: StoreHarness, id: string) => {
  const paths = store.layout.partial(`sha256-${id}`);
  mkdirSync(dirname(paths.data), { recursive: true });
  writeFileSync(paths.data, new Uint8Array(5000));
  const model = { host: "huggingface.co", org: "org", name: "unfinished", tag: "Q8_0" };
  using _journal = await openJournal(paths, { model, isDefault: true, file: "m.gguf", etag: id, sizeBytes: 5000 }, [
    [0, 5000],
  ]);
  return paths;
};

/** The clock is manual; files carry the machine's own times. */
const setAge = (path: string, ageMs: number, nowMs: number) => {
  const seconds = (nowMs - ageMs) / 1000;
  utimesSync(path, seconds, seconds);
};

test("unfinished downloads and unused blobs go after two weeks, and nothing else does", async () => {
  using harness = storeHarness();
  const { store, clock } = harness;
  await clock.advance(1000 * day);
  const now = clock.now();
  const model = await harness.add("org/used:Q8_0", 1);
  setAge(store.modelPath(model), 900 * day, now);
  const [old, fresh, busy] = await Promise.all(["a", "b", "c"].map((digit) => addPartial(harness, hex(digit))));
  for (const [paths, age] of [
    [old, 15],
    [fresh, 13],
    [busy, 15],
  ] as const)
    for (const path of [paths?.data, paths?.journal, paths?.written]) setAge(path ?? "", age * day, now);
  using _lock = tryLockFile(busy?.lock ?? "");
  for (const [digit, age] of [
    ["d", 15],
    ["e", 13],
  ] as const) {
    writeFileSync(store.blobPath(`sha256:${hex(digit)}`), "left by a crash");
    setAge(store.blobPath(`sha256:${hex(digit)}`), age * day, now);
  }
  const pruned = await store.prune();
  expect(pruned).toMatchObject({ partials: 1, blobs: 1 });
  expect(pruned.freedBytes).toBeGreaterThanOrEqual(15);
  expect([old, fresh, busy].map((paths) => existsSync(paths?.data ?? ""))).toEqual([false, true, true]);
  expect(store.hasBlob(`sha256:${hex("d")}`, 15)).toBe(false);
  expect(store.hasBlob(`sha256:${hex("e")}`, 15)).toBe(true);
  expect(store.modelPath(model)).toContain("sha256-");
  expect(await store.prune()).toMatchObject({ blobs: 0 });
});
