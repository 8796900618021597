import { beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { buildTinyCheckpoint, type CheckpointOptions } from "../../scripts/fixtures/tiny-checkpoint.ts";
import { tinyHello } from "../../scripts/fixtures/tiny-models.ts";
import { buildNative } from "../../scripts/native.ts";
import type { ConversionJob } from "../../src/convert/conversion-job.ts";
import { converterVersion } from "../../src/convert/converter-version.ts";
import type { Converter } from "../../src/convert/spawn-converter.ts";
import type { StoredModel } from "../../src/store/scan-models.ts";
import { chatOf, collect, startRunner } from "../runner/start-runner.ts";
import { watchedDisk } from "./fake-disk.ts";
import { type HubHarness, hubHarness, hubRef } from "./harness.ts";
import { testConverter } from "./test-converter.ts";

beforeAll(() => buildNative(), 600_000);

const id = "org/tiny-hello";
const checkpoint = (options?: CheckpointOptions) => ({
  id,
  license: "mit",
  files: buildTinyCheckpoint(tinyHello, options),
});
const weightsBytes = (hub: HubHarness) =>
  hub.fixture.requests.filter(({ door }) => door === "cdn").reduce((sum, { sentBytes }) => sum + sentBytes, 0);
const sizeOf = ({ files }: { files: { path: string; content: unknown }[] }, pattern: RegExp) =>
  files.filter(({ path }) => pattern.test(path)).reduce((sum, { content }) => sum + (content as Uint8Array).length, 0);

const answerOf = async (hub: HubHarness, model: StoredModel): Promise<string> => {
  const runner = startRunner();
  await runner.load({ modelPath: hub.store.modelPath(model), contextTokens: 512, slots: 1, gpu: "cpu" });
  const { text } = await collect(runner.generate(chatOf("Who are you?")));
  await runner.exit();
  return text;
};

/** The real converter; `before` may stop a job. */
const watched = (before: (job: ConversionJob) => void | Promise<void>): Converter => {
  const real = testConverter();
  return {
    async run(job, hooks) {
      await before(job);
      return await real.run(job, hooks);
    },
  };
};

const jobsOf = () => {
  const jobs: string[] = [];
  return { jobs, converter: watched((job) => void jobs.push(`${job.type} ${job.target}`)) };
};

const statuses = (hub: HubHarness) => [
  ...new Set(hub.events.map(({ status }) => status.replace(/[0-9a-f]{12}/, "HEX"))),
];

test("a repository of safetensors is converted, quantized and answers; nothing else is left", async () => {
  await using hub = hubHarness({ repositories: [checkpoint()] });
  const model = await hub.pull(id);
  expect(model.name).toBe(id);
  const { source, details, files, model: name, defaultTag } = model.manifest;
  expect(name).toEqual({ host: "huggingface.co", org: "org", name: "tiny-hello", tag: "Q4_K_M" });
  expect(defaultTag).toBe("Q4_K_M");
  expect(source).toMatchObject({ repository: id, file: "model-00001-of-00002.safetensors" });
  expect(source.commit).toMatch(/^[0-9a-f]{40}$/);
  expect(source.recipe).toMatchObject({
    type: "Q4_K_M",
    converter: converterVersion,
    llamaCpp: expect.stringMatching(/\d/),
  });
  expect(details).toMatchObject({ architecture: "llama", quantization: "Q4_K_M", license: "mit" });
  expect(files.map((file) => [file.role, file.name])).toEqual([["model", "tiny-hello-Q4_K_M.gguf"]]);
  expect(await answerOf(hub, model)).toBe("Hello! I am a tiny model.");
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
  expect(statuses(hub)).toEqual([
    "pulling manifest",
    "pulling HEX",
    "converting to BF16",
    "verifying sha256 digest",
    "quantizing to Q4_K_M",
    "verifying the converted model",
    "writing manifest",
    "success",
  ]);
  const counts = hub.events.filter(({ status, total }) => status === "converting to BF16" && total !== undefined);
  expect(counts.at(-1)?.completed).toBe(counts.at(-1)?.total as number);
});

test("a second pull asks once and does nothing; a new state of the weights is converted anew", async () => {
  await using hub = hubHarness({ repositories: [checkpoint()] });
  const first = await hub.pull(id);
  const before = hub.fixture.requests.length;
  const { jobs, converter } = jobsOf();
  const second = await hub.pull(id, { converter });
  expect([second.manifest.pulledAt, jobs, hub.fixture.requests.length - before]).toEqual([
    first.manifest.pulledAt,
    [],
    1,
  ]);
  const readme = { path: "README.md", content: "Better words." };
  hub.fixture.publish({ ...checkpoint(), files: [...checkpoint().files, readme] });
  await hub.pull(id, { converter });
  expect(jobs).toEqual([]);
  hub.fixture.publish(checkpoint({ feedForward: 512 }));
  await hub.pull(id, { converter });
  expect(jobs).toEqual(["convert BF16", "convert BF16", "quantize Q4_K_M"]);
  expect(hub.store.list()).toHaveLength(1);
});

test("every quantization can be named; floats are written at once", async () => {
  await using hub = hubHarness({ repositories: [checkpoint({ dtype: "F16", shards: 1 })] });
  const { jobs, converter } = jobsOf();
  const names = ["q8_0", "BF16", "F16", "F32", "Q2_K"];
  for (const quant of names) {
    const model = await hub.pull(`${id}:${quant}`, { converter });
    expect([model.name, model.manifest.details.quantization]).toEqual([
      `${id}:${quant.toUpperCase()}`,
      quant.toUpperCase(),
    ]);
    expect(await answerOf(hub, model)).toBe("Hello! I am a tiny model.");
  }
  expect(jobs).toEqual([
    "convert F16",
    "quantize Q8_0",
    "convert BF16",
    "convert F16",
    "convert F32",
    "convert F16",
    "quantize Q2_K",
  ]);
  expect(await hub.failure(`${id}:IQ1_S`)).toMatch(
    /^model_not_found: model "org\/tiny-hello" has no quantization "IQ1_S"; it has safetensors, of which can be made F32, BF16, .*Q2_K$/,
  );
  expect(await hub.failure(`${id}:tiny.gguf`)).toStartWith(
    'not_found: file "tiny.gguf" not found in "org/tiny-hello"; it has',
  );
});

test("GGUF files beside safetensors are taken as they are", async () => {
  const { syntheticModel } = await import("../../scripts/fixtures/hub-content.ts");
  const gguf = { path: "tiny-Q8_0.gguf", content: syntheticModel(50_000) };
  await using hub = hubHarness({ repositories: [{ ...checkpoint(), files: [...checkpoint().files, gguf] }] });
  expect((await hub.pull(id)).manifest.source).toMatchObject({ file: "tiny-Q8_0.gguf" });
});

test("a plan tells the download, the peak and the result, and writes nothing", async () => {
  const repository = checkpoint({ feedForward: 4096, shards: 4 });
  await using hub = hubHarness({ repositories: [repository] });
  const bytes = sizeOf(repository, /\.safetensors$/);
  const plan = await hub.plan(id);
  expect(plan.files.map(({ role, name, haveBytes }) => [role, name, haveBytes])).toEqual([
    ...[1, 2, 3, 4].map((number) => ["weights", `model-0000${number}-of-00004.safetensors`, 0]),
  ]);
  expect([plan.neededBytes, plan.upToDate]).toEqual([bytes, false]);
  expect(plan.conversion).toMatchObject({ type: "Q4_K_M", floatType: "BF16" });
  expect((plan.conversion?.peakBytes ?? 0) / bytes).toBeWithin(1.3, 1.7); // two of the four have nearly all
  expect(hub.files()).toEqual([]);
  const model = await hub.pull(id);
  expect((plan.conversion?.resultBytes ?? 0) / (model.manifest.files[0]?.sizeBytes ?? 1)).toBeWithin(0.9, 1.1);
  const after = await hub.plan(id);
  expect([after.neededBytes, after.upToDate, after.conversion]).toEqual([0, true, undefined]);
});

test("a disk on which only the download fits is refused before the first byte", async () => {
  const repository = checkpoint({ feedForward: 4096 });
  await using hub = hubHarness({ repositories: [repository] });
  const disk = watchedDisk(undefined, Math.floor(sizeOf(repository, /\.safetensors$/) * 1.7));
  expect(await hub.failure(id, { disk })).toStartWith('disk_full: not enough disk space for "org/tiny-hello:Q4_K_M"');
  expect([weightsBytes(hub) < 50_000, hub.files()]).toEqual([true, []]);
  expect(await hub.plan(id, { disk }).catch(({ code }) => code)).toBe("disk_full");
});

test("an architecture that is not supported fails before its weights come, and GGUF repositories are named", async () => {
  await using hub = hubHarness({ repositories: [checkpoint({ architecture: "MysteryForCausalLM" })] });
  expect(await hub.failure(id)).toMatch(
    /^unsupported: cannot convert "org\/tiny-hello": .*MysteryForCausalLM.*; no repository that has it as GGUF was found$/,
  );
  const names = ["a/tiny-hello-GGUF", "b/tiny-hello-uncensored-GGUF", "c/org_tiny-hello-i1-GGUF"];
  for (const name of names)
    hub.fixture.publish({ id: name, quantizes: id, files: [], ...(name[0] === "c" && { gated: "auto" }) });
  expect(await hub.failure(id)).toEndWith("; as GGUF it is in a/tiny-hello-GGUF, c/org_tiny-hello-i1-GGUF (gated)");
  expect([weightsBytes(hub) < 50_000, hub.files()]).toEqual([true, []]);
});

test("a gated repository fails as before", async () => {
  await using hub = hubHarness({ repositories: [{ ...checkpoint(), gated: "manual", readers: ["token"] }] });
  expect(await hub.failure(id)).toStartWith('gated: model "org/tiny-hello" is gated');
  expect((await hub.pull(id, { settings: { token: "token" } })).name).toBe(id);
});

test("what is finished is not done again: shards after a broken conversion, floats after a broken quantization", async () => {
  await using hub = hubHarness({ repositories: [checkpoint({ shards: 4 })] });
  const breaks = (type: ConversionJob["type"], after: number) => {
    let jobs = 0;
    return watched((job) => {
      if (job.type === type && jobs++ === after) throw Object.assign(new Error(`${type} broke`));
    });
  };
  const failure = (type: ConversionJob["type"], after: number) =>
    hub.pull(id, { converter: breaks(type, after) }).catch((error) => error.message);
  expect(await failure("convert", 2)).toBe("convert broke");
  const files = (await hub.plan(id)).files.map(({ sizeBytes, haveBytes }) => sizeBytes === haveBytes);
  expect(files.slice(0, 3)).toEqual([true, true, true]); // two that are spent, one that is here
  expect(await failure("quantize", 0)).toBe("quantize broke");
  expect(weightsBytes(hub)).toBeLessThan(sizeOf(checkpoint({ shards: 4 }), /\.safetensors$/) + 400_000); // headers, tokenizer, and the fourth shard under way when the third failed
  expect(existsSync(hub.store.layout.partials) ? readdirSync(hub.store.layout.partials) : []).toEqual([]);
  const { jobs, converter } = jobsOf();
  const plan = await hub.plan(id);
  expect([plan.neededBytes, (plan.conversion?.peakBytes ?? 0) < 500_000]).toEqual([0, true]);
  expect(await answerOf(hub, await hub.pull(id, { converter }))).toBe("Hello! I am a tiny model.");
  expect(jobs).toEqual(["quantize Q4_K_M"]);
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "manifests"]);
});

test("an aborted conversion leaves its downloads, and rm frees them", async () => {
  await using hub = hubHarness({ repositories: [checkpoint()] });
  const stop = new AbortController();
  const onProgress = ({ status }: { status: string }) => {
    if (status.startsWith("converting")) stop.abort(new Error("enough"));
  };
  await expect(hub.pull(id, { signal: stop.signal, onProgress })).rejects.toThrow("enough");
  expect(hub.files().some((file) => file.startsWith("conversions/"))).toBe(true);
  const { freedBytes } = await hub.store.remove(hubRef(id));
  expect(freedBytes).toBeGreaterThan(500_000);
  expect(hub.files()).toEqual([]);
});

test("prune frees a conversion that nobody came back for", async () => {
  await using hub = hubHarness({ repositories: [checkpoint()] });
  const converter = watched((job) => {
    if (job.type === "quantize") throw new Error("broke");
  });
  await hub.pull(id, { converter }).catch(() => undefined);
  const left = hub.files().filter((file) => file.startsWith("conversions/"));
  expect(left.map((file) => file.split("/").at(-1)).sort()).toEqual(["BF16.gguf", "conversion.json"]);
  expect((await hub.store.prune()).partials).toBe(0); // written just now
  const longAgo = (hub.clock.now() - 15 * 24 * 3_600_000) / 1000;
  for (const file of left) utimesSync(join(hub.dir, file), longAgo, longAgo);
  const { partials, freedBytes } = await hub.store.prune();
  expect([partials, freedBytes > 500_000, hub.files()]).toEqual([1, true, []]);
});

test("pulls of two quantizations at once both succeed, one after the other", async () => {
  await using hub = hubHarness({ repositories: [checkpoint()] });
  const ticking = setInterval(() => void hub.clock.advance(250), 5);
  const models = await Promise.all([hub.pull(`${id}:Q8_0`), hub.pull(`${id}:Q6_K`), hub.pull(`${id}:Q8_0`)]);
  clearInterval(ticking);
  expect(models.map(({ name }) => name)).toEqual([`${id}:Q8_0`, `${id}:Q6_K`, `${id}:Q8_0`]);
  expect(hub.files().filter((file) => /^(partial|conversions)/.test(file))).toEqual([]);
});
