import { expect, test } from "bun:test";
import { createFairQueue } from "../../../src/router/choice/fair-queue.ts";

const queue = (limit = 100, limitPerKey = 50) => createFairQueue<string>({ limit, limitPerKey });

test("keys take turns, each first in first out", () => {
  const waiting = queue();
  for (const item of ["a1", "a2", "a3", "b1", "c1", "c2"]) waiting.push(item.charAt(0), item);
  expect(waiting.size).toBe(6);
  expect(waiting.drain()).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
  expect(waiting.size).toBe(0);
});

test("a key that comes late waits one turn, not behind another's hundred", () => {
  const waiting = queue(1000, 500);
  for (let index = 0; index < 100; index++) waiting.push("greedy", `g${index}`);
  waiting.shift();
  waiting.push("modest", "m");
  expect([waiting.shift(), waiting.shift()]).toEqual(["g1", "m"]);
});

test("a key that was just served goes behind the others, also when it queues again at once", () => {
  const waiting = queue();
  waiting.push("a", "a1");
  waiting.push("b", "b1");
  expect(waiting.shift()).toBe("a1");
  waiting.push("a", "a2");
  expect(waiting.drain()).toEqual(["b1", "a2"]);
});

test("the queue and each key's share of it are bounded", () => {
  const waiting = queue(3, 2);
  expect(waiting.push("a", "a1")).toBeUndefined();
  expect(waiting.push("a", "a2")).toBeUndefined();
  expect(waiting.push("a", "a3")).toBe("key-full");
  expect(waiting.push("b", "b1")).toBeUndefined();
  expect(waiting.push("c", "c1")).toBe("full");
  waiting.shift();
  expect(waiting.push("c", "c1")).toBeUndefined();
});

test("what leaves is gone, once", () => {
  const waiting = queue();
  waiting.push("a", "a1");
  waiting.push("a", "a2");
  expect(waiting.remove("a1")).toBe(true);
  expect(waiting.remove("a1")).toBe(false);
  expect(waiting.shift()).toBe("a2");
  expect(waiting.remove("a2")).toBe(false);
  expect(waiting.shift()).toBeUndefined();
});

test("an item whose model is busy does not block another's", () => {
  const waiting = queue();
  waiting.push("a", "big");
  waiting.push("a", "small");
  expect(waiting.shift((item) => item === "small")).toBe("small");
  expect(waiting.shift((item) => item === "small")).toBeUndefined();
  expect(waiting.shift()).toBe("big");
});

test("an item cannot wait twice", () => {
  const waiting = queue();
  waiting.push("a", "a1");
  expect(() => waiting.push("b", "a1")).toThrow("waits already");
});

test("nothing is left of keys that are gone", () => {
  const waiting = queue(10, 10);
  const startMs = performance.now();
  for (let index = 0; index < 200_000; index++) {
    waiting.push(`key ${index}`, `item ${index}`);
    if (index % 2) waiting.remove(`item ${index}`);
    else waiting.shift();
  }
  expect(waiting.size).toBe(0);
  expect(performance.now() - startMs).toBeLessThan(5_000); // a leak of keys would make each turn longer
});

test.each([
  ["its own key's", "a", 64],
  ["another key's", "b", 16],
])("the cheapest of those whose turn is near, but the first is not passed over by %s for ever", (_, key, times) => {
  const waiting = queue(1_000, 1_000);
  waiting.push("a", "dear");
  const costs = (item: string) => (item === "dear" ? 5 : item === "never" ? Number.POSITIVE_INFINITY : 1);
  waiting.push("a", "never");
  let turns = 0;
  for (let served: string | undefined = ""; served !== "dear"; turns++) {
    waiting.push(key, `cheap ${turns}`);
    served = waiting.shiftCheapest(costs);
  }
  expect(turns).toBe(times + 1);
  expect(waiting.shiftCheapest(costs)).toBe(`cheap ${times}`);
  expect(waiting.shiftCheapest(costs)).toBeUndefined();
  expect(waiting.drain()).toEqual(["never"]);
});

test("what is not accepted is not looked at, and takes nobody's place among the next", () => {
  const waiting = queue(1_000, 1_000);
  for (let index = 0; index < 100; index++) waiting.push("a", `full ${index}`);
  waiting.push("a", "free");
  const accepts = (item: string) => !item.startsWith("full");
  expect(waiting.shiftCheapest(() => 1, accepts)).toBe("free");
  expect(waiting.shiftCheapest(() => 1, accepts)).toBeUndefined();
  expect(waiting.size).toBe(100);
});

test("of a long queue only the first are looked at, of every key some", () => {
  const waiting = queue(1_000, 1_000);
  for (let index = 0; index < 400; index++) waiting.push(`key ${index % 4}`, `${index}`);
  const looked: string[] = [];
  waiting.shiftCheapest((item) => looked.push(item));
  expect(looked.length).toBe(32);
  expect(new Set(looked.map((item) => Number(item) % 4)).size).toBe(4);
});
