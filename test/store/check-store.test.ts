import { expect, test } from "bun:test";
import { mkdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkStore } from "../../src/store/check-store.ts";
import { openJournal } from "../../src/store/partial-journal.ts";
import { storeHarness } from "./store-harness.ts";

const nothingWrong = { broken: [], damaged: [], danglingAliases: [], unfinished: [], unusedFiles: 0, unusedBytes: 0 };

test("a store that is not there is empty", async () => {
  expect(await checkStore("/nowhere/at/all")).toEqual({ models: 0, sizeBytes: 0, ...nothingWrong });
});

test("a whole store is whole, by its bytes too", async () => {
  using harness = storeHarness();
  const model = await harness.add("org/a:Q8_0", 1);
  await harness.add("org/b:Q8_0", 1); // the same bytes
  const { dir } = harness.store;
  const whole = { models: 2, sizeBytes: model.sizeBytes, ...nothingWrong };
  expect(await checkStore(dir)).toEqual(whole);
  expect(await checkStore(dir, { verify: true })).toEqual(whole);
});

test("missing, short and changed files are told by model; only the last needs the bytes read", async () => {
  using harness = storeHarness();
  const { store } = harness;
  const pathOf = async (name: string, seed: number) => store.modelPath(await harness.add(name, seed));
  const [missing, short, changed] = [
    await pathOf("org/a:Q8_0", 1),
    await pathOf("org/b:Q8_0", 2),
    await pathOf("org/c:Q8_0", 3),
  ];
  rmSync(missing);
  truncateSync(short, 7);
  const bytes = await Bun.file(changed).bytes();
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(changed, bytes);
  const states = async (verify: boolean) =>
    Object.fromEntries((await checkStore(store.dir, { verify })).damaged.map(({ path, state }) => [path, state]));
  const bySize = { [missing]: "is missing", [short]: expect.stringMatching(/^has 7 of \d+ bytes$/) };
  expect(await states(false)).toEqual(bySize);
  expect(await states(true)).toEqual({ ...bySize, [changed]: "has changed since it was verified" });
});

test("what is broken, begun, forgotten or dangling is told", async () => {
  using harness = storeHarness();
  const { store } = harness;
  const { layout } = store;
  await harness.add("org/a:Q8_0", 1);
  const gone = await harness.add("org/gone:Q8_0", 2);
  rmSync(layout.manifest(gone.manifest.model));
  mkdirSync(layout.aliases, { recursive: true });
  writeFileSync(layout.alias("old"), JSON.stringify({ schemaVersion: 1, model: gone.manifest.model }));
  const broken = join(layout.manifests, "huggingface.co/org/b/Q8_0.json");
  mkdirSync(dirname(broken), { recursive: true });
  writeFileSync(broken, "{");
  const blob = layout.blob(gone.manifest.files[0]?.digest ?? "");
  utimesSync(blob, 1, 1);
  const paths = layout.partial(`sha256-${"a".repeat(64)}`);
  mkdirSync(dirname(paths.data), { recursive: true });
  writeFileSync(paths.data, new Uint8Array(5000));
  const model = { host: "huggingface.co", org: "org", name: "begun", tag: "Q8_0" };
  {
    using _journal = await openJournal(paths, { model, isDefault: true, file: "m", etag: "e", sizeBytes: 5000 }, []);
  }
  expect(await checkStore(store.dir)).toMatchObject({
    models: 1,
    danglingAliases: ["gone", "old"],
    broken: [{ path: broken, reason: "it is not a JSON object" }],
    unfinished: [{ model }],
    unusedFiles: 1,
    unusedBytes: gone.sizeBytes,
  });
});

test("a signal ends the reading", async () => {
  using harness = storeHarness();
  await harness.add("org/a:Q8_0", 1);
  await expect(checkStore(harness.store.dir, { verify: true, signal: AbortSignal.abort() })).rejects.toThrow();
});
