import { expect, test } from "bun:test";
import { parseDuration } from "../../src/core/duration.ts";

test.each<[string | number, number]>([
  [0, 0],
  [30, 30_000],
  [-1, -1000],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["300ms", 300],
  ["1.5s", 1500],
  ["-1s", -1000],
  ["10", 10_000],
])("%p is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(["", "m", "5x", "5m3", "five", "1e3"])("%p is refused", (text) =>
  expect(() => parseDuration(text)).toThrow(`invalid duration "${text}"`),
);

test("a duration is finite, and no longer than Go's", () => {
  expect(parseDuration("2562047h")).toBe(9_223_369_200_000);
  for (const text of ["2562048h", "9".repeat(320), `-${"9".repeat(320)}s`])
    expect(() => parseDuration(text)).toThrow("invalid duration");
});
