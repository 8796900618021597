import { expect, test } from "bun:test";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { openJournal, readPartial } from "../../src/store/partial-journal.ts";
import { ref, storeHarness } from "./store-harness.ts";

const id = `sha256-${"a".repeat(64)}`;
const identity = {
  model: { host: "huggingface.co", org: "org", name: "name", tag: "Q8_0" },
  isDefault: true,
  file: "name-Q8_0.gguf",
  etag: "a".repeat(64),
  sizeBytes: 1000,
};

const startDownload = async (harness: ReturnType<typeof storeHarness>) => {
  const paths = harness.store.layout.partial(id);
  await mkdir(harness.store.layout.partials, { recursive: true });
  const journal = await openJournal(paths, identity, []);
  writeFileSync(paths.data, new Uint8Array(1000));
  return { paths, journal };
};

test("in the same boot written ranges count, and shorter records overwrite longer ones", async () => {
  using harness = storeHarness();
  const { paths, journal } = await startDownload(harness);
  using _closing = journal;
  await journal.checkpoint([[0, 10]]);
  journal.flush([
    [0, 100],
    [200, 300],
    [400, 500],
  ]);
  expect((await readPartial(paths))?.have).toEqual([
    [0, 100],
    [200, 300],
    [400, 500],
  ]);
  journal.flush([[0, 500]]);
  expect((await readPartial(paths))?.have).toEqual([[0, 500]]);
});

test("after another boot only synced ranges count", async () => {
  using harness = storeHarness();
  const { paths, journal } = await startDownload(harness);
  using _closing = journal;
  await journal.checkpoint([
    [0, 10],
    [50, 60],
  ]);
  journal.flush([[0, 900]]);
  const record = JSON.parse(readFileSync(paths.written, "utf8"));
  writeFileSync(paths.written, JSON.stringify({ ...record, boot: "another" }));
  expect((await readPartial(paths))?.have).toEqual([
    [0, 10],
    [50, 60],
  ]);
});

test("a torn, foreign or impossible record is not believed", async () => {
  using harness = storeHarness();
  const { paths, journal } = await startDownload(harness);
  using _closing = journal;
  await journal.checkpoint([[0, 10]]);
  journal.flush([[0, 900]]);
  const record = JSON.parse(readFileSync(paths.written, "utf8"));
  const lies = [
    JSON.stringify(record).slice(0, 40),
    JSON.stringify({ ...record, etag: "other" }),
    JSON.stringify({ ...record, written: [[0, 2000]] }),
    JSON.stringify({ ...record, written: [[500, 400]] }),
  ];
  for (const lie of lies) {
    writeFileSync(paths.written, lie);
    expect((await readPartial(paths))?.have).toEqual([[0, 10]]);
  }
  writeFileSync(paths.journal, "{");
  expect(await readPartial(paths)).toBeUndefined();
});

test("a journal without its data, or with data of another size, vouches for nothing", async () => {
  using harness = storeHarness();
  const { paths, journal } = await startDownload(harness);
  using _closing = journal;
  journal.flush([[0, 900]]);
  truncateSync(paths.data, 500);
  expect(await readPartial(paths)).toBeUndefined();
  rmSync(paths.data);
  expect(await readPartial(paths)).toBeUndefined();
});

test("rm frees an unfinished download, in the name that it was asked for", async () => {
  using harness = storeHarness();
  const { paths, journal } = await startDownload(harness);
  journal[Symbol.dispose]();
  expect(harness.store.list()).toEqual([]);
  expect(await harness.store.remove(ref("org/name:Q2_K")).catch((error: Error) => error.message)).toContain(
    "not found",
  );
  expect((await harness.store.remove(ref("org/name"))).freedBytes).toBeGreaterThan(0);
  expect(await Bun.file(paths.data).exists()).toBe(false);
  expect(await readPartial(paths)).toBeUndefined();
});
