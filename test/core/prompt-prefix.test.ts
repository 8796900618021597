import { expect, test } from "bun:test";
import { estimateTokens, hashPrompt } from "../../src/core/prompt-prefix.ts";

const words = (count: number, seed = 0) => Array.from({ length: count }, (_, index) => `w${seed + index} `).join("");
const common = (a: readonly bigint[], b: readonly bigint[]) => {
  const differs = a.findIndex((hash, index) => hash !== b[index]);
  return differs < 0 ? a.length : differs;
};

test("a chat's next turn has all marks of the turn before", () => {
  const system = words(3000);
  const first = hashPrompt(["system", system, "user", "What is this?"]);
  const second = hashPrompt(["system", system, "user", "What is this?", "assistant", words(500, 7), "user", "More"]);
  expect(first.prefix.length).toBeGreaterThan(40);
  expect(second.prefix.slice(0, first.prefix.length)).toEqual([...first.prefix]);
  expect(second.prefix.length).toBeGreaterThan(first.prefix.length);
});

test("what follows a difference is different", () => {
  const one = hashPrompt([words(2000)]);
  const other = hashPrompt([`${words(1000)}x${words(1000, 1000)}`]);
  const shared = common(one.prefix, other.prefix);
  expect(shared).toBeGreaterThan(10);
  expect(shared).toBeLessThan(one.prefix.length);
  expect(one.prefix.slice(shared).filter((hash) => other.prefix.includes(hash))).toEqual([]);
});

test("role and the border of messages count", () => {
  const text = words(400);
  const base = hashPrompt(["user", text]).prefix;
  expect(common(base, hashPrompt(["user", text]).prefix)).toBe(base.length);
  for (const other of [hashPrompt(["system", text]), hashPrompt(["user", text.slice(0, 100), text.slice(100)])])
    expect(common(base, other.prefix)).toBe(0);
});

test("between the last common mark and the divergence lie at most 3 % of a long prompt, one step of a short one", () => {
  for (const sharedChars of [1_000, 5_000, 24_000, 100_000, 400_000, 1_000_000]) {
    const shared = "lorem ipsum dolor ".repeat(60_000).slice(0, sharedChars);
    const one = hashPrompt([shared, "x".repeat(sharedChars / 10)]);
    const other = hashPrompt([shared, "y".repeat(sharedChars / 10)]);
    const matched = (one.prefixTokens[common(one.prefix, other.prefix) - 1] ?? 0) * 4;
    expect(matched).toBeLessThanOrEqual(sharedChars);
    expect(sharedChars - matched).toBeLessThanOrEqual(Math.max(256, sharedChars * 0.032));
  }
});

test("never more than 256 marks, however long", () => {
  const long = hashPrompt(["x".repeat(20_000_000)]);
  expect(long.prefix.length).toBe(256);
  expect(long.prefixTokens.length).toBe(256);
  expect(long.promptTokens).toBe(5_000_000);
});

test("nothing and little have no marks", () => {
  expect(hashPrompt([])).toEqual({ prefix: [], prefixTokens: [], promptTokens: 0 });
  expect(hashPrompt(["user", "hi"]).prefix).toEqual([]);
});

test("tokens: four characters, or one of Chinese, Japanese and Korean", () => {
  expect(estimateTokens("four chars in a token")).toBeCloseTo(21 / 4);
  expect(estimateTokens("日本語の文章")).toBe(6);
  expect(estimateTokens("한국어")).toBe(3);
  expect(estimateTokens("日本語 and English")).toBeCloseTo(3 + 12 / 4);
  expect(hashPrompt(["日本語".repeat(1000)]).promptTokens).toBe(3000);
});

test("what is no text counts by its identity, at its price", () => {
  const withImage = (identity: string) => hashPrompt([{ identity, tokens: 768 }, words(200)]);
  const one = withImage("A");
  expect(one.promptTokens).toBeLessThan(1_500);
  expect(one.promptTokens).toBeGreaterThan(768);
  expect(one.prefix).toEqual(withImage("A").prefix);
  expect(common(one.prefix, withImage("B").prefix)).toBe(0);
});

test("a prompt of 100,000 characters takes less than a millisecond", () => {
  const segments = Array.from({ length: 100 }, (_, index) => words(250, index));
  hashPrompt(segments);
  const startMs = performance.now();
  for (let round = 0; round < 100; round++) hashPrompt(segments);
  expect((performance.now() - startMs) / 100).toBeLessThan(1);
});
