import { expect, test } from "bun:test";
import { hashPrompt, type PromptPrefix } from "../../../src/core/prompt-prefix.ts";
import { createPrefixIndex } from "../../../src/router/choice/prefix-index.ts";

const text = (words: number, seed: string) => Array.from({ length: words }, (_, index) => `${seed}${index} `).join("");
const prompt = (...segments: string[]) => hashPrompt(segments);
const all = (index: ReturnType<typeof createPrefixIndex>, of: PromptPrefix, nowMs = 0) =>
  Object.fromEntries(index.match(["m"], of, nowMs, 0));

const system = text(3000, "s");
const first = prompt(system, text(300, "a"));
const other = prompt(system, text(300, "b"));

test("a node has what was sent to it, and of another prompt the common beginning", () => {
  const index = createPrefixIndex();
  index.record("n1", "m", first, 0);
  expect(all(index, first).n1).toBe(first.prefixTokens.at(-1) as number);
  const partly = all(index, other).n1 as number;
  expect(partly).toBeGreaterThan(prompt(system).promptTokens * 0.95);
  expect(partly).toBeLessThanOrEqual(prompt(system).promptTokens);
  expect(all(index, prompt(text(3000, "z")))).toEqual({});
});

test("each node has its own length", () => {
  const index = createPrefixIndex();
  const short = prompt(system.slice(0, 4_000));
  index.record("short", "m", short, 0);
  index.record("middle", "m", other, 0);
  index.record("long", "m", first, 0);
  const { long, middle, short: least } = all(index, first) as Record<string, number>;
  expect(long).toBe(first.prefixTokens.at(-1));
  expect(middle).toBeLessThan(long as number);
  expect(least).toBeLessThan(middle as number);
  expect(least).toBeGreaterThan(900);
});

test("marks without lengths count as equally long", () => {
  const index = createPrefixIndex();
  const bare = { prefix: [1n, 2n, 3n, 4n], prefixTokens: [], promptTokens: 400 };
  index.record("n1", "m", { ...bare, prefix: [1n, 2n] }, 0);
  expect(all(index, bare)).toEqual({ n1: 200 });
});

test("what is not used goes after its time", () => {
  const index = createPrefixIndex({ marksMax: 1e5, marksPerHolderMax: 1e5, ttlMs: 1_000 });
  index.record("n1", "m", first, 0);
  expect(all(index, first, 999)).not.toEqual({});
  expect(all(index, first, 1_000)).toEqual({});
  index.record("n2", "m", other, 2_000);
  expect(index.marks).toBe(other.prefix.length); // n1's are not only hidden
});

test("the ends of prompts go before their common beginning", () => {
  const index = createPrefixIndex({ marksMax: 1e5, marksPerHolderMax: first.prefix.length, ttlMs: 1e6 });
  index.record("n1", "m", first, 0);
  index.record("n1", "m", other, 1);
  expect(all(index, other, 2).n1).toBe(other.prefixTokens.at(-1) as number);
  expect(all(index, first, 2).n1).toBe(all(createIndexWith(other), first).n1 as number);
});

test("of a prompt that is longer than what may be kept, the beginning is kept", () => {
  const kept = Math.floor(first.prefix.length / 2);
  const index = createPrefixIndex({ marksMax: 1e5, marksPerHolderMax: kept, ttlMs: 1e6 });
  index.record("n1", "m", first, 0);
  expect(all(index, first).n1).toBe(first.prefixTokens[kept - 1] as number);
});

const createIndexWith = (one: PromptPrefix) => {
  const index = createPrefixIndex();
  index.record("n1", "m", one, 0);
  return index;
};

test("a model that was unloaded, a node that left", () => {
  const index = createPrefixIndex();
  index.record("n1", "m", first, 0);
  index.record("n1", "k", prompt(text(900, "k")), 0);
  index.record("n2", "m", first, 0);
  expect(index.modelsOf("n1").sort()).toEqual(["k", "m"]);
  index.forget("n1", "m");
  expect(Object.keys(all(index, first))).toEqual(["n2"]);
  expect(index.modelsOf("n1")).toEqual(["k"]);
  index.forget("n1");
  index.forget("n2");
  expect(index.marks).toBe(0);
});

test("a request that never reached the node leaves nothing, and takes nothing that was there", () => {
  const index = createPrefixIndex();
  index.record("n1", "m", prompt(system), 0);
  const before = all(index, first);
  index.record("n1", "m", first, 1).withdraw();
  expect(all(index, first)).toEqual(before);
  index.record("n2", "m", first, 1).withdraw();
  expect(all(index, first)).toEqual(before);
});

test("a node that lost a prompt lost what it used before it", () => {
  const index = createPrefixIndex();
  const oldest = prompt(text(3000, "o"));
  index.record("n1", "m", oldest, 0).confirm(0, 10);
  index.record("n1", "m", first, 20).confirm(0, 30);
  index.record("n1", "m", prompt(text(3000, "y")), 40).confirm(0, 50);
  index.record("n1", "m", first, 60).confirm(100, 70); // it should have had thousands
  expect(all(index, oldest)).toEqual({});
  expect(all(index, prompt(text(3000, "y"))).n1).toBeGreaterThan(1_000);
  expect(all(index, first).n1).toBeGreaterThan(1_000); // it was evaluated just now
});

test("a node without a prefix cache is believed less and less, and more again once it has one", () => {
  const index = createPrefixIndex();
  const expected = first.prefixTokens.at(-1) as number;
  for (let round = 0; round < 20; round++) index.record("n1", "m", first, round).confirm(0, round);
  expect(all(index, first).n1).toBeLessThan(expected * 0.05);
  for (let round = 20; round < 40; round++) index.record("n1", "m", first, round).confirm(expected, round);
  expect(all(index, first).n1).toBeGreaterThan(expected * 0.95);
});

test("what is still being evaluated is no reason for distrust", () => {
  const index = createPrefixIndex();
  const older = prompt(text(3000, "o"));
  index.record("n1", "m", older, 0).confirm(0, 1);
  const notes = Array.from({ length: 10 }, (_, turn) => index.record("n1", "m", first, 10 + turn));
  for (const note of notes) note.confirm(0, 30);
  expect(all(index, first).n1).toBe(first.prefixTokens.at(-1) as number);
  expect(all(index, older).n1).toBe(older.prefixTokens.at(-1) as number);
});

test("what a node does not tell changes nothing", () => {
  const index = createPrefixIndex();
  for (let round = 0; round < 5; round++) index.record("n1", "m", first, round).confirm(undefined, round);
  expect(all(index, first).n1).toBe(first.prefixTokens.at(-1) as number);
});

test("an end that comes after the node was forgotten brings nothing back", () => {
  const index = createPrefixIndex();
  const note = index.record("n1", "m", first, 0);
  index.forget("n1");
  note.confirm(0, 5);
  note.withdraw();
  expect(index.marks).toBe(0);
});

test("of very many warm nodes some are named, not always the same", () => {
  const index = createPrefixIndex();
  for (let node = 0; node < 1_000; node++) index.record(`n${node}`, "m", first, 0);
  const names = (turn: number) => [...index.match(["m"], first, 0, turn).keys()];
  expect(names(0).length).toBe(64);
  expect(names(0.5)).not.toEqual(names(0));
  expect(new Set([0, 0.25, 0.5, 0.75, 0.99].flatMap(names)).size).toBeGreaterThan(250);
});

test("a million inserts stay within the limits", () => {
  const limits = { marksMax: 20_000, marksPerHolderMax: 1_000, ttlMs: 1e9 };
  const index = createPrefixIndex(limits);
  let mark = 0n;
  for (let request = 0; request < 20_000; request++) {
    const prefix = Array.from({ length: 50 }, () => ++mark);
    const note = index.record(
      `n${request % 500}`,
      `m${request % 3}`,
      { prefix, prefixTokens: [], promptTokens: 3200 },
      request,
    );
    if (request % 3) note.confirm(request % 2 ? 0 : undefined, request);
    expect(index.marks).toBeLessThanOrEqual(limits.marksMax);
  }
  expect(mark).toBe(1_000_000n);
  for (let node = 0; node < 500; node++) index.forget(`n${node}`);
  expect(index.marks).toBe(0);
});

test("a thousand nodes that come and go leave nothing", () => {
  const index = createPrefixIndex({ marksMax: 1e6, marksPerHolderMax: 1_000, ttlMs: 1_000 });
  for (let node = 0; node < 1_000; node++) index.record(`n${node}`, "m", first, node * 100);
  expect(index.marks).toBeLessThanOrEqual(first.prefix.length * 11);
});
