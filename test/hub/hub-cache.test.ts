import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Placement, placements, reuseCachedBlob } from "../../src/hub/hub-cache.ts";
import { completedBytes, type HubHarness, hubHarness, largeModel, mib, recordingLog, storedSha256 } from "./harness.ts";

const large = { id: "org/large", files: [{ path: "large-Q8_0.gguf", content: largeModel }] };
const licensed = { ...large, files: [...large.files, { path: "LICENSE", content: "Do what you like.\n" }] };

/** A cache as huggingface_hub leaves it, with one blob, read-only and old. */
const cacheWith = (hub: HubHarness, bytes: Uint8Array) => {
  const cacheDir = join(dirname(hub.dir), "hf/hub");
  const blobs = join(cacheDir, "models--org--large/blobs");
  const blob = join(blobs, largeModel.sha256);
  mkdirSync(blobs, { recursive: true });
  writeFileSync(blob, bytes);
  chmodSync(blob, 0o444);
  utimesSync(blob, 1_600_000_000, 1_600_000_000);
  const state = () => {
    const { mode, mtimeMs, size, ino } = statSync(blob);
    const sha256 = new Bun.CryptoHasher("sha256").update(readFileSync(blob)).digest("hex");
    return { mode, mtimeMs, size, ino, sha256, files: readdirSync(cacheDir, { recursive: true }).sort() };
  };
  return { settings: { cacheDir }, blob, state };
};

const whole = () => largeModel.read(0, largeModel.sizeBytes);
const damaged = () => Uint8Array.from(whole()).fill(77, 9 * mib, 9 * mib + 8);

test("a blob of the Hugging Face cache is verified and linked; nothing is downloaded and the cache stays as it was", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { settings, state } = cacheWith(hub, whole());
  const before = state();
  const model = await hub.pull("org/large", { settings });
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes()).toBe(0);
  expect(state()).toEqual(before);
  expect(hub.files().filter((file) => file.startsWith("partial"))).toEqual([]);
  expect(hub.lines.filter((line) => line.includes("is taken from the Hugging Face cache ("))).toHaveLength(1);
  await hub.store.remove({ kind: "hub", org: "org", name: "large" });
  expect(state()).toEqual(before);
});

test("progress tells of the verification, then of the whole blob", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { settings } = cacheWith(hub, whole());
  await hub.pull("org/large", { settings });
  const hex = largeModel.sha256.slice(0, 12);
  const steps = hub.events.map(({ status }) => status).filter((status, index, all) => status !== all[index - 1]);
  expect(steps).toEqual([
    "pulling manifest",
    `verifying ${hex} of the Hugging Face cache`,
    `pulling ${hex}`,
    "writing manifest",
    "success",
  ]);
  expect(completedBytes(hub.events)).toEqual([24 * mib]);
  expect(hub.events.findLast(({ status }) => status.startsWith("verifying"))).toMatchObject({
    total: 24 * mib,
    completed: 24 * mib,
  });
});

test("a damaged blob is not used, which is said, and the file is downloaded", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { settings, state } = cacheWith(hub, damaged());
  const before = state();
  const model = await hub.pull("org/large", { settings });
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes()).toBe(24 * mib);
  expect(hub.lines.filter((line) => /^warn: .* in the Hugging Face cache is damaged/.test(line))).toHaveLength(1);
  expect(state()).toEqual(before);
});

test("a blob of another size is not even read", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { settings } = cacheWith(hub, whole().subarray(0, 9 * mib));
  await hub.pull("org/large", { settings });
  expect(hub.fixture.sentBytes()).toBe(24 * mib);
  expect(hub.events.some(({ status }) => status.startsWith("verifying") && status.endsWith("cache"))).toBe(false);
});

test("what an earlier pull downloaded is kept when the cache turns out damaged", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const stall = hub.fixture.inject({ on: "cdn", range: /=0-/, stallAfterBytes: mib });
  const first = new AbortController();
  const onProgress = ({ completed = 0 }) => {
    void hub.clock.advance(61);
    if (completed >= 20 * mib) first.abort(new Error("stop"));
  };
  await hub.pull("org/large", { signal: first.signal, onProgress }).catch(() => undefined);
  stall.remove();
  const sent = hub.fixture.sentBytes();
  await hub.pull("org/large", { settings: cacheWith(hub, damaged()).settings });
  expect(hub.fixture.sentBytes() - sent).toBeLessThanOrEqual(4 * mib);
});

test("a blob that is linked but not published yet is never written to by a later download", async () => {
  await using hub = hubHarness({ repositories: [licensed] });
  const { settings, state } = cacheWith(hub, whole());
  const before = state();
  const stall = hub.fixture.inject({ on: "resolve", path: /LICENSE/, stallAfterBytes: 1 });
  const first = new AbortController();
  const pulling = hub.pull("org/large", { settings, signal: first.signal });
  await stall.reached;
  first.abort(new Error("stop"));
  expect(await pulling.catch((error: Error) => error.message)).toBe("stop");
  stall.remove();
  expect(hub.files()).toContain(`partial/sha256-${largeModel.sha256}`);
  const model = await hub.pull("org/large");
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes()).toBeGreaterThanOrEqual(24 * mib);
  expect(state()).toEqual(before);
  expect(statSync(hub.store.modelPath(model)).ino).not.toBe(before.ino);
});

test("rm gives back a blob that was linked but not published", async () => {
  await using hub = hubHarness({ repositories: [licensed] });
  const { settings } = cacheWith(hub, whole());
  const stall = hub.fixture.inject({ on: "resolve", path: /LICENSE/, stallAfterBytes: 1 });
  const first = new AbortController();
  const pulling = hub.pull("org/large", { settings, signal: first.signal });
  await stall.reached;
  first.abort(new Error("stop"));
  await pulling.catch(() => undefined);
  await hub.store.remove({ kind: "hub", org: "org", name: "large" });
  expect(hub.files()).toEqual([]);
});

test("a pull that is aborted while it verifies leaves nothing", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { settings } = cacheWith(hub, whole());
  const controller = new AbortController();
  const onProgress = ({ status }: { status: string }) =>
    status.startsWith("verifying") && controller.abort(new Error("stop"));
  const pulling = hub.pull("org/large", { settings, signal: controller.signal, onProgress });
  expect(await pulling.catch((error: Error) => error.message)).toBe("stop");
  expect(hub.files()).toEqual([]);
});

test("space is asked for only when something has to be written", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const full = { freeBytes: async () => 0, open: () => Promise.reject(new Error("nothing may be opened")) };
  expect(await hub.failure("org/large", { disk: full })).toMatch(/^disk_full: /);
  expect(await hub.failure("org/large", { disk: full, settings: cacheWith(hub, damaged()).settings })).toMatch(
    /^disk_full: /,
  );
  expect(hub.files()).toEqual([]);
});

const working = (name: string, calls: string[]): Placement => ({
  name,
  async place(from, to) {
    calls.push(name);
    await copyFile(from, to);
  },
});

const failing = (name: string, calls: string[]): Placement => ({
  name,
  async place() {
    calls.push(name);
    throw new Error(`${name} is not possible here`);
  },
});

test.each([
  [0, ["reflink"], true],
  [1, ["reflink", "hard link"], true],
  [2, ["reflink", "hard link", "copy"], true],
  [3, ["reflink", "hard link", "copy"], false],
])("reflink, hard link and copy are tried in this order (%i do not work)", async (failures, expected, reused) => {
  await using hub = hubHarness({ repositories: [large] });
  const calls: string[] = [];
  const ways = ["reflink", "hard link", "copy"].map((name, index) =>
    index < failures ? failing(name, calls) : working(name, calls),
  );
  expect(await reuse(hub, ways)).toBe(reused);
  expect(calls).toEqual(expected);
});

test("the copy of last resort is a file of its own", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { blob, state } = cacheWith(hub, whole());
  expect(await reuse(hub, placements.slice(-1), blob)).toBe(true);
  const data = hub.store.layout.partial(`sha256-${largeModel.sha256}`).data;
  expect(new Bun.CryptoHasher("sha256").update(readFileSync(data)).digest("hex")).toBe(largeModel.sha256);
  expect(statSync(data).ino).not.toBe(state().ino);
});

test("a copy that is cut short looks like an unfinished download; one that is aborted leaves nothing", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const { blob } = cacheWith(hub, whole());
  const { data } = hub.store.layout.partial(`sha256-${largeModel.sha256}`);
  const controller = new AbortController();
  const cutShort: Placement = {
    name: "copy",
    async place(from, to) {
      controller.abort(new Error("stop"));
      await placements
        .at(-1)
        ?.place(from, to, controller.signal)
        .catch(() => undefined);
      expect(statSync(data).size).toBe(24 * mib);
      throw new Error("cut");
    },
  };
  expect(await reuse(hub, [cutShort], blob, controller.signal).catch((error: Error) => error.message)).toBe("stop");
  expect(hub.files()).toEqual([]);
});

const reuse = (
  hub: HubHarness,
  ways: readonly Placement[],
  blob = cacheWith(hub, whole()).blob,
  signal = new AbortController().signal,
) =>
  reuseCachedBlob({
    blob,
    sha256: largeModel.sha256,
    paths: hub.store.layout.partial(`sha256-${largeModel.sha256}`),
    identity: {
      model: { host: "huggingface.co", org: "org", name: "large", tag: "Q8_0" },
      isDefault: true,
      file: "large-Q8_0.gguf",
      etag: largeModel.sha256,
      sizeBytes: largeModel.sizeBytes,
    },
    log: recordingLog(hub.lines),
    signal,
    emit: () => undefined,
    placements: ways,
  });
