import { expect, test } from "bun:test";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { memoryNeed } from "../../src/engine/memory-need.ts";
import { planLoad, type Resident, refuseEstimate } from "../../src/engine/plan-load.ts";
import { modelShape } from "../../src/gguf/model-shape.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";

const GB = 1e9;
const host = (availableBytes: number) => ({ availableBytes, totalBytes: 16 * GB });
const need = { weightsBytes: 4 * GB, kvBytesPerToken: 100_000, computeBytes: 0.2 * GB };
const resident = (name: string, more: Partial<Resident> = {}) => ({
  name,
  users: 0,
  lastUsedMs: 0,
  hostBytes: 3 * GB,
  vramBytes: 0,
  isLoading: false,
  ...more,
});
const plan = (availableBytes: number, residents: ReturnType<typeof resident>[] = [], more = {}) =>
  planLoad({ need, contextTokens: 4096, residents, maxLoadedModels: 3, host: host(availableBytes), ...more });

test("slots by memory: four where their context is a small part of it, then two, then one", () => {
  expect(plan(14 * GB)).toEqual({ kind: "load", slots: 4 });
  expect(plan(5.5 * GB)).toEqual({ kind: "load", slots: 2 });
  expect(plan(14 * GB, [], { contextTokens: 16_384 })).toEqual({ kind: "load", slots: 2 });
  expect(plan(14 * GB, [], { contextTokens: 32_768 })).toEqual({ kind: "load", slots: 1 });
  expect(plan(14 * GB, [], { slots: 16 })).toEqual({ kind: "load", slots: 16 });
});

test("as few idle models as needed go, the least recently used first, never a busy one", () => {
  const old = resident("old", { lastUsedMs: 1 });
  const newer = resident("newer", { lastUsedMs: 2 });
  const busy = resident("busy", { users: 1 });
  expect(plan(3 * GB, [newer, old])).toEqual({ kind: "evict", victims: [old] });
  expect(plan(3 * GB, [busy, newer])).toEqual({ kind: "evict", victims: [newer] });
  expect(plan(3 * GB, [busy])).toEqual({ kind: "wait" });
  expect(plan(14 * GB, [busy, old, newer])).toEqual({ kind: "evict", victims: [old] });
});

test("what is being loaded has not taken its memory yet", () => {
  expect(plan(7 * GB, [resident("loading", { isLoading: true, users: 1 })])).toEqual({ kind: "wait" });
});

test("mapped weights may exceed what is free; its own memory and the machine may not be exceeded", () => {
  expect(plan(2 * GB)).toEqual({ kind: "load", slots: 1 });
  expect(plan(0.1 * GB)).toMatchObject({
    kind: "refuse",
    reason: expect.stringContaining("100 MB of 16 GB are available"),
  });
  expect(plan(14 * GB, [], { need: { ...need, weightsBytes: 40 * GB } })).toMatchObject({ kind: "refuse" });
});

test("on GPUs their memory counts: who holds some of it goes, and what never fits is computed by the CPU too", () => {
  const gpu = { freeBytes: 3 * GB, totalBytes: 8 * GB };
  const onGpu = resident("on GPU", { hostBytes: 0, vramBytes: 4 * GB });
  const onHost = resident("on host", { lastUsedMs: -1 });
  expect(plan(14 * GB, [], { gpu: { freeBytes: 7 * GB, totalBytes: 8 * GB } })).toEqual({ kind: "load", slots: 4 });
  expect(plan(14 * GB, [onHost, onGpu], { gpu })).toEqual({ kind: "evict", victims: [onGpu] });
  expect(plan(14 * GB, [{ ...onGpu, users: 1 }], { gpu })).toEqual({ kind: "wait" });
  // Nobody holds what is missing: llama.cpp puts some layers on the host, where there is room...
  expect(plan(14 * GB, [onHost], { gpu })).toEqual({ kind: "load", slots: 1 });
  // ...or has to be made.
  const large = { ...need, weightsBytes: 12 * GB };
  expect(plan(7 * GB, [onHost], { gpu, need: large })).toEqual({ kind: "evict", victims: [onHost] });
});

const part = (device: string, weightsBytes: number, contextBytes: number, freeBytes: number) => ({
  ...{ device, weightsBytes, contextBytes, computeBytes: 0 },
  ...{ freeBytes, totalBytes: 16 * GB },
});

test("llama.cpp's estimate refuses a load that no plan fits, and names the device", () => {
  const estimate = {
    ...{ full: [], fittedContextTokens: 4096, gpuLayers: 1, totalLayers: 2, expertsOnCpu: false, fits: true },
    fitted: [part("CUDA0", 2 * GB, GB, 4 * GB), part("host", 9 * GB, GB, 2 * GB)],
  };
  expect(refuseEstimate(estimate, host(2 * GB))).toBeUndefined();
  expect(refuseEstimate(estimate, host(0.5 * GB))).toBe(
    "it needs 1 GB of the machine's memory, and 500 MB are available",
  );
  const tooLarge = { ...estimate, fits: false, fitted: [part("CUDA0", 5 * GB, GB, 4 * GB), part("host", 0, 0, 0)] };
  expect(refuseEstimate(tooLarge, host(2 * GB))).toBe("it needs 6 GB of CUDA0's memory, and 4 GB are free");
});

test("the need of a header: KV cache by its heads and element type", async () => {
  const header = await readGgufHeader(memorySource(buildModel("tiny-attentive")), { arrayItemsMax: 0 });
  expect(memoryNeed(modelShape(header)).kvBytesPerToken).toBe(4 * 1 * (16 + 16) * 2); // layers, heads, keys and values, f16
  expect(memoryNeed(modelShape(header), "q8_0").kvBytesPerToken).toBe(4 * (16 + 16) * (34 / 32));
  expect(memoryNeed(modelShape(header)).weightsBytes).toBe(header.sizeBytes);
});
