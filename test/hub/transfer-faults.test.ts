import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type DiskAccess, systemDisk } from "../../src/hub/disk-access.ts";
import { completedBytes, hubHarness, largeModel, mib, smallModel, storedSha256 } from "./harness.ts";

const large = { id: "org/large", files: [{ path: "large-Q8_0.gguf", content: largeModel }] };
const small = { id: "org/small", files: [{ path: "small-Q8_0.gguf", content: smallModel }] };

test("cut connections cost only what was under way: each part goes on where it stopped", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const cut = hub.fixture.inject({ on: "cdn", cutAfterBytes: mib, times: 5 });
  const model = await hub.pull("org/large");
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(cut.hits).toBe(5);
  expect(hub.fixture.sentBytes()).toBeLessThanOrEqual(24 * mib + 5 * mib);
  const starts = hub.fixture.requests.flatMap(({ range }) => Number(/^bytes=(\d+)/.exec(range ?? "")?.[1] ?? 0));
  expect(starts.filter((start) => start % (4 * mib) !== 0).length).toBeGreaterThan(0);
  expect(hub.lines.filter((line) => line.includes("trying again"))).toHaveLength(5);
  const completed = completedBytes(hub.events);
  expect(completed).toEqual([...completed].sort((a, b) => a - b));
});

test("a stalled stream is dropped after 15 s without a byte and its part goes on", async () => {
  await using hub = hubHarness({ repositories: [small] });
  const stall = hub.fixture.inject({ on: "cdn", stallAfterBytes: mib, times: 1 });
  const pulling = hub.pull("org/small");
  await stall.reached;
  await hub.clock.advance(14_000);
  expect(hub.lines.some((line) => line.includes("no bytes for 15 s"))).toBe(false);
  await hub.clock.advance(2_000);
  expect(storedSha256(hub.store, await pulling)).toBe(smallModel.sha256);
  expect(hub.lines.some((line) => line.includes("no bytes for 15 s"))).toBe(true);
  expect(hub.fixture.sentBytes()).toBeLessThanOrEqual(3 * mib + mib);
});

test("a server that ignores Range is read as one stream from the start", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", ignoreRange: true });
  const model = await hub.pull("org/large");
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(hub.lines.some((line) => line.includes("the server ignores ranges; starting again"))).toBe(true);
  expect(hub.fixture.requests.at(-1)).toMatchObject({ door: "cdn", status: 200 });
});

test("a cut single stream starts over and still ends right", async () => {
  await using hub = hubHarness({ repositories: [small, large] });
  hub.fixture.inject({ on: "cdn", ignoreRange: true });
  hub.fixture.inject({ on: "cdn", cutAfterBytes: 9 * mib, after: 4, times: 1 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
});

test("416 throws the partial away and starts again", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", status: 416, after: 2, times: 1 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.lines.some((line) => line.includes("the server has no such range; starting again"))).toBe(true);
});

test("a wrong Content-Range is never written; the part is asked for again, and given up in the end", async () => {
  await using hub = hubHarness({ repositories: [large, small] });
  const shifted = hub.fixture.inject({ on: "cdn", shiftRange: 4096, times: 3 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(shifted.hits).toBe(3);
  hub.fixture.inject({ on: "cdn", shiftRange: 4096 });
  expect(await hub.failure("org/small")).toMatch(
    /^hub_unavailable: gave up on org\/small\/small-Q8_0.gguf after 8 attempts without progress at 127.0.0.1:\d+: wrong Content-Range "bytes \d+-\d+\/\d+"; what was downloaded is kept, pull again to go on$/,
  );
});

test("expired addresses are renewed once for all parts together", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const expired = hub.fixture.inject({ on: "cdn", expired: true, times: 4 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(expired.hits).toBe(4);
  expect(hub.fixture.requests.filter(({ door }) => door === "resolve")).toHaveLength(2);
});

test("an address that is refused even when fresh ends the pull with a reason", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", expired: true });
  expect(await hub.failure("org/large")).toMatch(
    /^forbidden: 127.0.0.1:\d+ refuses the download even with a fresh address/,
  );
});

test("a Hub that cannot be reached when an address expires is waited for", async () => {
  await using hub = hubHarness({ repositories: [small] });
  hub.fixture.inject({ on: "cdn", expired: true, times: 1 });
  hub.fixture.inject({ on: "resolve", path: /gguf$/, status: 503, after: 1, times: 5 });
  expect(storedSha256(hub.store, await hub.pull("org/small"))).toBe(smallModel.sha256);
});

test("a file that changes on the server in mid-download starts again, and says so", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", etag: '"another"', after: 3, times: 1 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.lines).toContain("info: org/large/large-Q8_0.gguf: the file changed on the server; starting again");
});

test("server errors and rate limits of the content network are waited for", async () => {
  await using hub = hubHarness({ repositories: [small] });
  hub.fixture.inject({ on: "cdn", status: 500, times: 1 });
  hub.fixture.inject({ on: "cdn", status: 429, headers: { "retry-after": "7" }, after: 1, times: 1 });
  expect(storedSha256(hub.store, await hub.pull("org/small"))).toBe(smallModel.sha256);
  expect(hub.lines.filter((line) => line.includes("status 429; trying again in 7000 ms"))).toHaveLength(1);
});

test("an answer that claims to be compressed is not written", async () => {
  await using hub = hubHarness({ repositories: [small] });
  hub.fixture.inject({ on: "cdn", headers: { "content-encoding": "br" }, times: 1 });
  expect(storedSha256(hub.store, await hub.pull("org/small"))).toBe(smallModel.sha256);
});

test("damaged bytes are downloaded once more; damaged again, nothing is kept", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const path = new RegExp(largeModel.sha256);
  const once = hub.fixture.inject({ on: "cdn", path, corruptAt: 9 * mib, times: 6 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.lines.filter((line) => line.startsWith("warn:") && line.includes("arrived damaged"))).toHaveLength(1);
  await hub.store.remove({ kind: "hub", org: "org", name: "large" });
  once.remove();
  hub.fixture.inject({ on: "cdn", path, corruptAt: 9 * mib });
  expect(await hub.failure("org/large")).toMatch(
    /^corrupt: org\/large\/large-Q8_0.gguf arrived damaged: its sha256 is [0-9a-f]{64} instead of [0-9a-f]{64}; nothing of it was kept$/,
  );
  expect(hub.files()).toEqual([]);
});

test("a disk that fills up ends the pull at once and keeps what is there; the next pull goes on", async () => {
  await using hub = hubHarness({ repositories: [large] });
  expect(await hub.failure("org/large", { disk: diskOf(10 * mib) })).toMatch(
    /^disk_full: no space left in .*; what was downloaded is kept: free some space and pull again$/,
  );
  expect(readdirSync(join(hub.dir, "partial")).filter((file) => !file.includes("."))).toHaveLength(1);
  expect(hub.lines.filter((line) => line.includes("trying again"))).toEqual([]);
  const sent = hub.fixture.sentBytes();
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes() - sent).toBeLessThanOrEqual(15 * mib);
});

test("an aborted pull keeps what is there; the next one goes on", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const stall = hub.fixture.inject({ on: "cdn", stallAfterBytes: 2 * mib, times: 4 });
  const controller = new AbortController();
  const arrived = Promise.withResolvers<void>();
  const onProgress = ({ completed = 0 }) => {
    void hub.clock.advance(61);
    if (completed >= 7 * mib) arrived.resolve();
  };
  const pulling = hub.pull("org/large", { signal: controller.signal, onProgress });
  await stall.reached;
  await arrived.promise;
  controller.abort(new Error("enough"));
  expect(await pulling.catch((error: Error) => error.message)).toBe("enough");
  const sent = hub.fixture.sentBytes();
  stall.remove();
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes() - sent).toBeLessThanOrEqual(17 * mib);
});

test("a partial of a file that changed on the Hub is thrown away, and that is said", async () => {
  await using hub = hubHarness({ repositories: [large] });
  await hub.failure("org/large", { disk: diskOf(10 * mib) });
  hub.fixture.publish({ id: "org/large", files: [{ path: "large-Q8_0.gguf", content: smallModel }] });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(smallModel.sha256);
  expect(hub.lines.some((line) => line.includes("changed on the Hub since its download began; starting again"))).toBe(
    true,
  );
  expect(readdirSync(join(hub.dir, "partial"))).toEqual([]);
});

test("a model freed by rm while its pull counts on the blob is downloaded after all", async () => {
  const copy = { id: "other/copy", files: [{ path: "copy-Q8_0.gguf", content: smallModel }] };
  await using hub = hubHarness({ repositories: [small, copy] });
  await hub.pull("org/small");
  const before = hub.fixture.sentBytes();
  let removing: Promise<unknown> | undefined;
  const onProgress = ({ status }: { status: string }) => {
    if (status === "writing manifest") removing ??= hub.store.remove({ kind: "hub", org: "org", name: "small" });
  };
  const model = await hub.pull("other/copy", { onProgress });
  await removing;
  expect(storedSha256(hub.store, model)).toBe(smallModel.sha256);
  expect(hub.fixture.sentBytes() - before).toBe(3 * mib);
});

/** The real disk, full after so many bytes. */
const diskOf = (capacityBytes: number): DiskAccess => {
  let usedBytes = 0;
  return {
    freeBytes: async () => 1e12,
    async open(path, sizeBytes) {
      const file = await systemDisk.open(path, sizeBytes);
      return {
        ...file,
        async write(chunks, position) {
          usedBytes += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
          if (usedBytes > capacityBytes) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
          await file.write(chunks, position);
        },
      };
    },
  };
};
