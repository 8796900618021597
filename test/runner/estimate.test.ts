import { expect, test } from "bun:test";
import { fixtures, startRunner } from "./start-runner.ts";

const { modelPath, projectorPath } = fixtures();

for (const name of ["tiny-hello", "tiny-attentive", "tiny-window", "tiny-recurrent", "tiny-hybrid"] as const) {
  for (const more of [{ slots: 1 }, { slots: 4, contextTokens: 2048, kvCacheType: "bf16" as const }]) {
    test(`the estimate of ${name} with ${more.slots} slots is what the load takes`, async () => {
      const runner = startRunner();
      const options = { modelPath: modelPath(name), contextTokens: 512, gpu: "cpu" as const, ...more };
      const estimate = await runner.estimate({ ...options, contextTokensMin: options.contextTokens, marginBytes: 0 });
      const host = estimate.fitted.at(-1);
      const bytes = (host?.weightsBytes ?? 0) + (host?.contextBytes ?? 0) + (host?.computeBytes ?? 0);
      const loaded = await runner.load(options);
      expect(bytes / loaded.memoryBytes).toBeWithin(0.98, 1.02);
      expect(estimate).toMatchObject({ fits: true, fittedContextTokens: loaded.contextTokens, gpuLayers: 0 });
      await runner.exit();
    });
  }
}

test("a projector is part of the estimate and of what the load takes", async () => {
  const runner = startRunner();
  const name = "tiny-vision-gemma3";
  const options = { modelPath: modelPath(name), slots: 1, contextTokens: 512, gpu: "cpu" as const };
  const projector = { projectorPath: projectorPath(name) };
  const estimateOf = async (more: { projectorPath?: string }) => {
    const estimate = await runner.estimate({ ...options, ...more, contextTokensMin: 512, marginBytes: 0 });
    const host = estimate.fitted.at(-1);
    return (host?.weightsBytes ?? 0) + (host?.contextBytes ?? 0) + (host?.computeBytes ?? 0);
  };
  const [alone, both] = [await estimateOf({}), await estimateOf(projector)];
  expect(both - alone).toBeGreaterThan(Bun.file(projectorPath(name)).size * 0.9);
  const { memoryBytes } = await runner.load({ ...options, ...projector });
  expect(both / memoryBytes).toBeWithin(0.98, 1.02);
  await runner.exit();
});

test("an estimate fails as a load does, and the runner lives on", async () => {
  const runner = startRunner();
  const estimate = (path: string) =>
    runner.estimate({ modelPath: path, slots: 1, contextTokens: 512, contextTokensMin: 512, marginBytes: 0 });
  await expect(estimate("/nowhere.gguf")).rejects.toThrow("nowhere.gguf");
  expect((await estimate(modelPath("tiny-hello"))).totalLayers).toBeGreaterThan(1);
  await runner.exit();
});

test("a backend that is not there is refused with its reason", async () => {
  const runner = startRunner();
  await expect(runner.devices("cuda")).rejects.toThrow(
    "llama.cpp cannot start with cuda: its library is not installed",
  );
  expect(await runner.devices()).toMatchObject({ backend: "cpu", devices: [{ name: "CPU", kind: "cpu" }] });
  await runner.exit();
});
