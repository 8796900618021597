import { expect, test } from "bun:test";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { memoryNeed } from "../../src/engine/memory-need.ts";
import { planLoad, type Resident } from "../../src/engine/plan-load.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";

const GB = 1e9;
const host = (availableBytes: number) => ({ availableBytes, totalBytes: 16 * GB });
const need = { weightsBytes: 4 * GB, kvBytesPerToken: 100_000, computeBytes: 0.2 * GB };
const resident = (name: string, more: Partial<Resident> = {}) => ({
  name,
  users: 0,
  lastUsedMs: 0,
  memoryBytes: 3 * GB,
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

test("the need of a header: KV cache by its heads and element type", async () => {
  const header = await readGgufHeader(memorySource(buildModel("tiny-attentive")), { arrayItemsMax: 0 });
  expect(memoryNeed(header).kvBytesPerToken).toBe(4 * 1 * (16 + 16) * 2); // layers, heads, keys and values, f16
  expect(memoryNeed(header, "q8_0").kvBytesPerToken).toBe(4 * (16 + 16) * (34 / 32));
  expect(memoryNeed(header).weightsBytes).toBe(header.sizeBytes);
});
