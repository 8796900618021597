import { beforeAll, expect, test } from "bun:test";
import { pictureFile } from "../../scripts/fixtures/pictures.ts";
import {
  buildTinyVisionCheckpoint,
  type VisionCheckpointOptions,
} from "../../scripts/fixtures/tiny-vision-checkpoint.ts";
import { buildNative } from "../../scripts/native.ts";
import type { ConversionJob } from "../../src/convert/conversion-job.ts";
import type { Converter } from "../../src/convert/spawn-converter.ts";
import { AppError } from "../../src/core/errors.ts";
import { describeModel } from "../../src/store/describe-model.ts";
import type { StoredModel } from "../../src/store/scan-models.ts";
import { collect, showOf, startRunner } from "../runner/start-runner.ts";
import { watchedDisk } from "./fake-disk.ts";
import { type HubHarness, hubHarness } from "./harness.ts";
import { testConverter } from "./test-converter.ts";

beforeAll(() => buildNative(), 600_000);

const id = "org/tiny-seer";
const repository = (options?: VisionCheckpointOptions) => ({ id, files: buildTinyVisionCheckpoint(options) });

const answerTo = async (hub: HubHarness, model: StoredModel, pictures: readonly Uint8Array[]): Promise<string> => {
  const runner = startRunner();
  const projectorPath = hub.store.projectorPath(model);
  const modelPath = hub.store.modelPath(model);
  await runner.load({ modelPath, ...(projectorPath && { projectorPath }), contextTokens: 512, slots: 1, gpu: "cpu" });
  const { text } = await collect(runner.generate(showOf(pictures, "What is it?")));
  await runner.exit();
  return text;
};

/** The real converter, and the jobs that it was given. */
const watched = (before: (job: ConversionJob, count: number) => void = () => undefined) => {
  const jobs: string[] = [];
  const real = testConverter();
  const converter: Converter = {
    async run(job, hooks) {
      jobs.push(job.type === "quantize" ? "quantize" : `${job.part} ${job.target} ${job.shard.slice(6, 11)}`);
      before(job, jobs.length);
      return await real.run(job, hooks);
    },
  };
  return { jobs, converter };
};

const statuses = (hub: HubHarness) => [
  ...new Set(hub.events.map(({ status }) => status.replace(/[0-9a-f]{12}/, "HEX"))),
];

test("a repository of a model that sees becomes a model with its projector, and sees", async () => {
  await using hub = hubHarness({ repositories: [repository()] });
  const { jobs, converter } = watched();
  const model = await hub.pull(`${id}:BF16`, { converter });
  const { files, source } = model.manifest;
  expect(files.map(({ role, name }) => [role, name])).toEqual([
    ["model", "tiny-seer-BF16.gguf"],
    ["projector", "mmproj-tiny-seer-F16.gguf"],
  ]);
  expect(source.recipe?.leftOut).toBeUndefined();
  const { capabilities, projector } = await describeModel(hub.store, model);
  expect(capabilities).toContain("vision");
  expect(projector).toMatchObject({ "clip.projector_type": "gemma3", "general.file_type": 1 });
  for (const colour of ["red", "blue"]) expect(await answerTo(hub, model, [pictureFile(colour)])).toBe(colour);
  expect(await answerTo(hub, model, [])).toBe("I see no picture");
  expect(jobs).toEqual(["model BF16 00001", "projector F16 00001", "model BF16 00002"]); // all of the encoder is in the first shard
  expect(statuses(hub).filter((status) => status !== "verifying sha256 digest")).toEqual([
    ...["pulling manifest", "pulling HEX"],
    ...["converting to BF16", "converting the projector to F16"],
    ...["verifying the converted model", "writing manifest", "success"],
  ]);
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "blobs", "manifests"]);
  const again = watched();
  await hub.pull(`${id}:BF16`, again);
  expect(again.jobs).toEqual([]);
});

test("all quantizations of a model share one projector", async () => {
  await using hub = hubHarness({ repositories: [repository()] });
  const models = [await hub.pull(`${id}:F16`), await hub.pull(`${id}:BF16`)];
  const [first, second] = models.map(({ manifest }) => manifest.files.find(({ role }) => role === "projector")?.digest);
  expect(first).toBeDefined();
  expect(second).toBe(first);
  for (const model of models) expect(await answerTo(hub, model, [pictureFile("green")])).toBe("green");
});

test("the plan counts the projector, in the download's peak and in the result", async () => {
  await using hub = hubHarness({ repositories: [repository({ feedForward: 65_536 })] });
  const { conversion } = await hub.plan(`${id}:BF16`);
  const { sizeBytes = 0, type } = conversion?.projector ?? {};
  expect([type, conversion?.leftOut]).toEqual(["F16", undefined]);
  const model = await hub.pull(`${id}:BF16`);
  const made = model.manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  expect(model.manifest.files.find(({ role }) => role === "projector")?.sizeBytes).toBe(sizeBytes);
  expect((conversion?.resultBytes ?? 0) / made).toBeWithin(0.9, 1.1);
  expect(conversion?.peakBytes).toBeGreaterThan(made);
  const disk = watchedDisk(undefined, made);
  expect(await hub.failure(`${id}:Q8_0`, { disk })).toStartWith("disk_full");
});

test.each([
  ["the projector", "projector", ["projector F16 00001", "model BF16 00002", "quantize"]],
  ["quantizing", "quantize", ["quantize"]],
])("a conversion that breaks before %s goes on there", async (_, at, left) => {
  await using hub = hubHarness({ repositories: [repository()] });
  const broken = watched((job) => {
    if (at === (job.type === "quantize" ? "quantize" : job.part)) throw new AppError("internal", "power cut");
  });
  expect(await hub.failure(`${id}:Q8_0`, broken)).toContain("power cut");
  const { jobs, converter } = watched();
  const model = await hub.pull(`${id}:Q8_0`, { converter });
  expect(jobs).toEqual(left);
  expect(model.manifest.files.map(({ role }) => role)).toEqual(["model", "projector"]);
  expect(await answerTo(hub, model, [])).toBe("I see no picture");
});

test("a projector that is whole is not made again when a later shard breaks", async () => {
  await using hub = hubHarness({ repositories: [repository()] });
  const broken = watched((_, count) => {
    if (count === 3) throw new AppError("internal", "power cut");
  });
  expect(await hub.failure(`${id}:BF16`, broken)).toContain("power cut");
  const { jobs, converter } = watched();
  expect(await answerTo(hub, await hub.pull(`${id}:BF16`, { converter }), [pictureFile("red")])).toBe("red");
  expect(jobs).toEqual(["model BF16 00002"]);
});

test.each([
  ["nothing says how pictures are prepared", { withoutPreprocessor: true }, "image_mean"],
  [
    "the encoder has a tensor that llama.cpp has no place for",
    { extra: "vision_tower.zebra.weight" },
    "vision_tower.zebra",
  ],
  ["its weights are missing", { withoutEncoder: true }, "no weights of an encoder"],
] as const)("where %s the text part is converted, and that is said before and after", async (_, options, reason) => {
  await using hub = hubHarness({ repositories: [repository(options)] });
  const { conversion } = await hub.plan(`${id}:BF16`);
  expect([conversion?.leftOut, conversion?.projector]).toEqual([expect.stringContaining(reason), undefined]);
  const model = await hub.pull(`${id}:BF16`);
  const said = statuses(hub).findIndex((status) => status.startsWith("converting the text part only"));
  expect(statuses(hub)[said]).toContain(reason);
  expect(said).toBeLessThan(statuses(hub).findIndex((status) => status.startsWith("pulling HEX")));
  expect(model.manifest.files.map(({ role }) => role)).toEqual(["model"]);
  expect(model.manifest.source.recipe?.leftOut).toContain(reason);
  expect((await describeModel(hub.store, model)).capabilities).not.toContain("vision");
  expect(await answerTo(hub, model, [])).toBe("I see no picture");
});
