import { beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildTinyCheckpoint, type CheckpointOptions } from "../../scripts/fixtures/tiny-checkpoint.ts";
import { tinyHello } from "../../scripts/fixtures/tiny-models.ts";
import { buildNative } from "../../scripts/native.ts";
import type { ConversionJob } from "../../src/convert/conversion-job.ts";
import type { Converter } from "../../src/convert/spawn-converter.ts";
import { AppError } from "../../src/core/errors.ts";
import type { PullProgress } from "../../src/hub/pull-progress.ts";
import { type HubHarness, hubHarness, storedSha256 } from "./harness.ts";
import { pullInChild } from "./pull-in-child.ts";
import { testConverter } from "./test-converter.ts";

beforeAll(() => buildNative(), 600_000);

const id = "org/tiny-hello";
const checkpoint = (options?: CheckpointOptions) => ({ id, files: buildTinyCheckpoint(tinyHello, options) });
/** Twelve shards of a tensor each; three of them, the eighth to the tenth, have 8 MB. */
const large = checkpoint({ shards: 12, feedForward: 16_384 });
type Repository = typeof large;
const contentOf = ({ files }: Repository, shard: number) =>
  files.find(({ path }) => path.startsWith(`model-${String(shard).padStart(5, "0")}-`))?.content as Uint8Array;
const sha256Of = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
const weightsOf = ({ files }: Repository) =>
  files.filter(({ path }) => path.endsWith(".safetensors")).map(({ content }) => content as Uint8Array);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const weightsBytes = (repository: Repository) => sum(weightsOf(repository).map(({ length }) => length));
/** Asked for before the download: at most 16 KiB of each shard. */
const headerBytes = 12 * 16 * 1024;
const sentWeights = (hub: HubHarness, repository = large) => {
  const shards = new Set(weightsOf(repository).map(sha256Of));
  const ours = hub.fixture.requests.filter(({ door, path }) => door === "cdn" && shards.has(path.slice(1, 65)));
  return sum(ours.map(({ sentBytes }) => sentBytes));
};

/** Disk space that the files below a folder take; what has two names counts once. */
const usedBytes = (dir: string): number => {
  const seen = new Map<number, number>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const found = entry.isFile() && statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (found) seen.set(found.ino, found.blocks * 512);
  }
  return sum([...seen.values()]);
};

/** The real converter, with something before and after each job. */
const between = (hooks: { before?(job: ConversionJob): unknown; after?(job: ConversionJob): unknown }): Converter => {
  const real = testConverter();
  return {
    async run(job, options) {
      await hooks.before?.(job);
      const result = await real.run(job, options);
      await hooks.after?.(job);
      return result;
    },
  };
};

const shardOf = (job: ConversionJob) => (job.type === "convert" ? Number(/model-0*(\d+)/.exec(job.shard)?.[1]) : 0);

/** A pull in which a shard's conversion fails before it begins. */
const breakAt = async (hub: HubHarness, shard: number) => {
  const converter = between({
    before(job) {
      if (shardOf(job) === shard) throw new AppError("disk_full", "no space left");
    },
  });
  expect(await hub.failure(id, { converter })).toBe("disk_full: no space left");
};

test.each([
  ["BF16", 0],
  ["Q4_K_M", 0.01], // how large that gets is an estimate
])("the disk never holds more than the plan has said: %s", async (quant, tolerance) => {
  await using hub = hubHarness({ repositories: [large] });
  const { conversion } = await hub.plan(`${id}:${quant}`);
  const planned = conversion?.peakBytes ?? 0;
  expect(planned / weightsBytes(large)).toBeWithin(1.32, 1.34); // with all shards until the end it was twice as much
  let peak = 0;
  const look = () => {
    if (existsSync(hub.dir)) peak = Math.max(peak, usedBytes(hub.dir));
  };
  const watching = setInterval(look, 1);
  const converter = between({ before: look, after: look }); // after a job its shard is still there
  const model = await hub.pull(`${id}:${quant}`, { converter, onProgress: look });
  clearInterval(watching);
  const bookkeeping = 12 * 4096; // the record, journals of downloads and of locks
  expect(peak).toBeWithin(planned * 0.9, planned * (1 + tolerance) + bookkeeping);
  await using other = hubHarness({ repositories: [checkpoint({ shards: 1, feedForward: 16_384 })] });
  expect(storedSha256(hub.store, model)).toBe(storedSha256(other.store, await other.pull(`${id}:${quant}`)));
});

test("a shard is downloaded while the one before is converted", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const second = Promise.withResolvers<void>();
  const converter = between({
    // Held until the second shard has come: without the overlap this would never end.
    before: (job) => (shardOf(job) === 1 ? second.promise : undefined),
  });
  const onProgress = ({ digest, completed, total }: PullProgress) => {
    if (digest === `sha256:${sha256Of(contentOf(large, 2))}` && completed === total) second.resolve();
  };
  expect((await hub.pull(id, { converter, onProgress })).name).toBe(id);
});

test("what counts never goes back", async () => {
  await using hub = hubHarness({ repositories: [large] });
  await breakAt(hub, 10);
  await hub.pull(id);
  const counts = new Map<string, number[]>();
  for (const { status, completed } of hub.events.slice(
    hub.events.findLastIndex((e) => e.status === "pulling manifest"),
  ))
    if (completed !== undefined) counts.set(status, [...(counts.get(status) ?? []), completed]);
  for (const seen of counts.values()) expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(counts.get("converting to BF16")?.[0]).toBeGreaterThan(1_000_000); // it goes on where it was
});

test("killed at every step in turn: nothing is downloaded twice, and the model is that of a pull that nobody killed", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const at =
    (status: string, share = 0) =>
    (progress: PullProgress) =>
      progress.status === status && (progress.completed ?? 0) >= share * (progress.total ?? 0);
  let converted = 0;
  const further = (progress: PullProgress) => {
    if (progress.status !== "converting to BF16" || (progress.completed ?? 0) <= converted) return false;
    converted = (progress.completed ?? 0) + 5_000_000; // so that each time a shard more is written
    return true;
  };
  const kills = [
    ...[further, further, further, at("converting to BF16", 1)],
    ...[at("quantizing to Q4_K_M", 0.3), at("verifying the converted model"), at("writing manifest")],
  ];
  for (const kill of kills) {
    await using child = pullInChild(hub, id);
    await child.saw(kill);
    child.process.kill("SIGKILL");
    await child.process.exited;
  }
  const model = await hub.pull(id);
  const repeated = sentWeights(hub) - weightsBytes(large) - kills.length * headerBytes;
  expect(repeated).toBeLessThan(kills.length * 4 * 1024 * 1024); // what was under way and not yet in the journal
  await using other = hubHarness({ repositories: [large] });
  expect(storedSha256(hub.store, model)).toBe(storedSha256(other.store, await other.pull(id)));
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
}, 120_000);

test("a kill between the record and a shard's deletion: the shard goes at the next pull", async () => {
  await using hub = hubHarness({ repositories: [large] });
  await breakAt(hub, 3);
  const spent = contentOf(large, 1);
  const { data } = hub.store.layout.partial(`sha256-${sha256Of(spent)}`);
  expect(existsSync(data)).toBe(false);
  writeFileSync(data, spent);
  let wasThere = true;
  const before = () => {
    wasThere &&= existsSync(data);
  };
  await hub.pull(id, { converter: between({ before }) });
  expect(wasThere).toBe(false);
});

test("a kill between the blob and the manifest: the blob is the model, and nothing is downloaded or converted again", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const onProgress = ({ status }: PullProgress) => {
    if (status === "writing manifest") throw new Error("as if killed");
  };
  await expect(hub.pull(`${id}:BF16`, { onProgress })).rejects.toThrow("as if killed");
  const made = hub.files().find((file) => file.endsWith("BF16.gguf")) ?? "";
  const blob = hub.store.blobPath(`sha256:${sha256Of(readFileSync(join(hub.dir, made)))}`);
  mkdirSync(dirname(blob), { recursive: true });
  renameSync(join(hub.dir, made), blob);
  const sent = sentWeights(hub);
  const before = () => expect.unreachable("nothing is converted");
  const model = await hub.pull(`${id}:BF16`, { converter: between({ before }) });
  expect([sentWeights(hub), hub.store.modelPath(model)]).toEqual([sent, blob]);
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
});

test("a connection that is cut in a shard, and a cancelled pull, cost only what was under way", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const path = new RegExp(sha256Of(contentOf(large, 8)));
  const cut = hub.fixture.inject({ on: "cdn", path, after: 1, cutAfterBytes: 500_000, times: 1 });
  const stop = new AbortController();
  const converter = between({
    before(job) {
      if (shardOf(job) === 9) stop.abort(new Error("enough"));
    },
  });
  await expect(hub.pull(id, { converter, signal: stop.signal })).rejects.toThrow("enough");
  expect(cut.hits).toBe(1);
  await hub.pull(id);
  expect(sentWeights(hub) - weightsBytes(large) - 2 * headerBytes).toBeLessThan(8 * 1024 * 1024);
});

test("weights that change on the Hub between two pulls are converted anew, all of them", async () => {
  await using hub = hubHarness({ repositories: [large] });
  await breakAt(hub, 3);
  const changed = checkpoint({ shards: 12, feedForward: 512 });
  hub.fixture.publish(changed);
  const model = await hub.pull(id);
  await using other = hubHarness({ repositories: [changed] });
  expect(storedSha256(hub.store, model)).toBe(storedSha256(other.store, await other.pull(id)));
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
});

test("a conversion to other floats that was begun does not go on as this one", async () => {
  await using hub = hubHarness({ repositories: [checkpoint({ shards: 3 })] });
  await breakAt(hub, 2);
  const { manifest } = await hub.pull(`${id}:F32`);
  expect(manifest.details.quantization).toBe("F32");
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
});

test("a header that is not that of the shard that comes is an error, and the next pull starts anew", async () => {
  await using hub = hubHarness({ repositories: [large] });
  let asTold = "";
  const converter = between({
    before(job) {
      if (job.type !== "convert" || shardOf(job) !== 8) return;
      const header = join(job.dir, `${job.shard}.header`);
      asTold = readFileSync(header, "latin1");
      writeFileSync(header, asTold.replace('"BF16"', '"F16" '), "latin1");
    },
  });
  expect(await hub.failure(id, { converter })).toBe(
    "corrupt: model-00008-of-00012.safetensors begins with another header than the Hub gave before its download",
  );
  expect(asTold).toContain('"BF16"');
  expect((await hub.pull(id)).name).toBe(id);
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
});

test("what a header shows cannot be converted is refused before a weight is downloaded", async () => {
  const inEights = (content: unknown) =>
    Buffer.from(
      Buffer.from(content as Uint8Array)
        .toString("latin1")
        .replace('"BF16"', '"F8_E4M3"'),
      "latin1",
    );
  const files = large.files.map((file) =>
    file.path.startsWith("model-00005-") ? { ...file, content: inEights(file.content) } : file,
  );
  await using hub = hubHarness({ repositories: [{ id, files }] });
  expect(await hub.failure(id)).toStartWith("unsupported: ");
  expect([hub.files(), sentWeights(hub, { id, files }) <= headerBytes]).toEqual([[], true]);
});

test("a server that knows no ranges is read to the end of the header, and no further", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", ignoreRange: true });
  expect((await hub.plan(id)).conversion?.type).toBe("Q4_K_M");
  expect((await hub.pull(id)).name).toBe(id);
});
