import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { buildTinyAdapter } from "../../scripts/fixtures/tiny-adapter.ts";
import { chatOf, collect, fixtures, loadedRunners, startRunner } from "./start-runner.ts";

const { modelPath, dir } = fixtures();
const loaded = loadedRunners(modelPath);

const adapter = async (name: string, piece: string, tensorName?: string) => {
  const path = join(dir(), `${name}.gguf`);
  writeFileSync(path, await buildTinyAdapter(buildModel("tiny-hello"), piece, tensorName));
  return path;
};
const say = async (adapterPaths: string[]) => {
  const runner = await loaded("tiny-hello", { adapterPaths });
  return (await collect(runner.generate(chatOf("hi", { maxTokens: 4 })))).text;
};

test("a LoRA adapter changes what the model says; several add up", async () => {
  const [loud, stop] = [await adapter("loud", "!"), await adapter("stop", ".")];
  expect(await say([])).toBe("Hello! I am");
  expect(await say([loud])).toBe("!!!!");
  expect(await say([loud, stop, stop])).toBe("....");
});

test("an adapter works on embeddings too", async () => {
  // Both of them are zero in the model: only together do they add to what it computes.
  const value = await adapter("value", "!", "blk.0.attn_v.weight");
  const output = await adapter("output", "!", "blk.0.attn_output.weight");
  const embed = async (adapterPaths: string[]) => {
    const runner = await loaded("tiny-hello", { adapterPaths });
    return [...((await runner.embed({ inputs: ["hi"], truncate: true })).vectors[0] ?? [])];
  };
  const plain = await embed([]);
  expect(plain.length).toBeGreaterThan(0);
  expect(await embed([value])).toEqual(plain);
  expect(await embed([value, output])).not.toEqual(plain);
});

test("an adapter that is gone, garbage or of another model is told", async () => {
  const garbage = join(dir(), "garbage.gguf");
  writeFileSync(garbage, "no GGUF at all, but long enough to be one");
  const foreign = await adapter("foreign", "!", "blk.7.ffn_up.weight");
  const failure = async (path: string) => {
    const runner = startRunner();
    const options = { modelPath: modelPath("tiny-hello"), contextTokens: 512, slots: 1, adapterPaths: [path] };
    const loading = runner.load({ ...options, gpu: "cpu" }).then(
      () => "loaded",
      (error: Error) => error.message,
    );
    return await loading.finally(() => runner.exit());
  };
  expect(await failure(join(dir(), "gone.gguf"))).toBe("cannot load tiny-hello-F16.gguf: its file does not exist");
  expect(await failure(garbage)).toContain("the adapter of it is not a usable GGUF file");
  expect(await failure(foreign)).toContain("its LoRA adapter cannot be used");
});
