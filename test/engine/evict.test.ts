import { expect, test } from "bun:test";
import { evict } from "../../src/engine/evict.ts";

const idle = (lastUsedMs: number) => ({ users: 0, lastUsedMs });
const busy = (lastUsedMs: number) => ({ users: 1, lastUsedMs });

test("evict asks for nothing while there is room", () => {
  expect(evict([idle(1)], 2)).toEqual([]);
});

test("evict takes the idle models used longest ago", () => {
  expect(evict([idle(3), idle(1), idle(2)], 2)).toEqual([idle(1), idle(2)]);
});

test("evict never takes a busy model", () => {
  expect(evict([busy(1), idle(2)], 2)).toEqual([idle(2)]);
  expect(evict([busy(1), busy(2)], 2)).toBeUndefined();
});
