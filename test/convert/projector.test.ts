import { describe, expect, test } from "bun:test";
import { getTinyRepository, repositoryFiles } from "../../scripts/fixtures/build-repository.ts";
import { planProjector } from "../../src/convert/plan-projector.ts";
import { cutTensor } from "../../src/convert/tensors/cut-tensor.ts";

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The small files of a repository, with changes to what its encoder's config says. */
const filesOf = async (name: string, vision: Record<string, unknown> = {}, config: Record<string, unknown> = {}) => {
  const { config: given } = getTinyRepository(name);
  const files = new Map(await repositoryFiles(getTinyRepository(name)));
  const merged = { ...given, ...config, vision_config: { ...(given.vision_config as object), ...vision } };
  return files.set("config.json", json(merged));
};

const tensorsOf = (name: string) =>
  Object.entries(getTinyRepository(name).shapes).map(([of, shape]) => ({ name: of, shape }));

describe("what is refused, with the reason", () => {
  test("an encoder that nobody converts", async () => {
    const files = await filesOf("tiny-gemma3-vision", {}, { architectures: ["ZebraForConditionalGeneration"] });
    expect(() => planProjector(files)).toThrow("ZebraForConditionalGeneration");
  });
  test("a repository that does not say how pictures are prepared", async () => {
    const files = await filesOf("tiny-qwen2-vl");
    files.delete("preprocessor_config.json");
    expect(() => planProjector(files)).toThrow("image_mean");
  });
  test("windows of attention without a pattern", async () => {
    const files = await filesOf("tiny-qwen2.5-vl", { fullatt_block_indexes: [1, 2] });
    expect(() => planProjector(files)).toThrow("in the layers 1, 2");
  });
  test.each([
    ["visual.blocks.9.norm1.weight", "visual.blocks.9.norm1.weight"],
    ["visual.zebra", "visual.zebra"],
    ["visual.blocks.0.constructor.weight", "constructor"],
  ])("a tensor without a place: %s", async (name, said) => {
    const plan = planProjector(await filesOf("tiny-qwen2-vl"));
    expect(() => plan.planTensors("F16", [{ name, shape: [4, 4] }])).toThrow(said);
  });
  test("a film of more than two frames", async () => {
    const plan = planProjector(await filesOf("tiny-qwen2-vl"));
    const source = { name: "visual.patch_embed.proj.weight", shape: [32, 3, 4, 14, 14] };
    expect(() => plan.planTensors("F16", [source])).toThrow("other than 2 parts");
  });
});

test("names that newer versions of transformers write mean the same", async () => {
  for (const name of ["tiny-gemma3-vision", "tiny-qwen2.5-vl"]) {
    const plan = planProjector(await filesOf(name));
    const sources = tensorsOf(name);
    const newer = sources.map(({ name: of, shape }) => ({ name: `model.${of}`, shape }));
    const [before, after] = [plan.planTensors("F16", sources), plan.planTensors("F16", newer)];
    expect(after.map((tensor) => [tensor.name, tensor.type])).toEqual(
      before.map((tensor) => [tensor.name, tensor.type]),
    );
    expect(before.length).toBeGreaterThan(20);
  }
});

test("what transformers knows may be left out", async () => {
  const files = await filesOf("tiny-gemma3-vision");
  files.set("config.json", json({ ...getTinyRepository("tiny-gemma3-vision").config, vision_config: {} }));
  const metadata = planProjector(files).metadata("F16", "bare");
  expect(metadata.get("clip.vision.block_count")).toEqual({ type: "uint32", value: 12 });
  expect(metadata.get("clip.vision.image_mean")).toMatchObject({ items: [0.5, 0.5, 0.5] }); // of processor_config.json
});

test("a tensor is cut along any dimension", () => {
  const source = { name: "t", shape: [2, 4, 3] };
  expect(cutTensor(source, 1, ["a", "b"])).toEqual([
    { name: "a", shape: [2, 2, 3], slices: [0, 12].map((start) => ({ tensor: "t", start, length: 6 })) },
    { name: "b", shape: [2, 2, 3], slices: [6, 18].map((start) => ({ tensor: "t", start, length: 6 })) },
  ]);
  expect(cutTensor(source, 0, ["a", "b"]).map(({ slices }) => slices)).toEqual([
    [{ tensor: "t", start: 0, length: 12 }],
    [{ tensor: "t", start: 12, length: 12 }],
  ]);
  expect(() => cutTensor(source, 2, ["a", "b"])).toThrow("cannot be cut into 2 parts");
  expect(() => cutTensor({ name: "t", shape: [2 ** 30, 2] }, 1, ["a", "b"])).toThrow("cannot be cut");
});
