import { expect, test } from "bun:test";
import { ago, createFormatter } from "../../src/dashboard/format.ts";
import { fill, languageNames, messagesOf, pickLanguage } from "../../src/dashboard/language.ts";
import { reasonNames } from "../../src/dashboard/reason-names.ts";
import { en } from "../../src/dashboard/text/en.ts";
import type { ChoiceReason } from "../../src/router/types.ts";

const valuesIn = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([value]) => value).sort();

test.each(Object.entries(messagesOf))("%s says everything, with the same values", (_, messages) => {
  expect(Object.keys(messages).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(messages)) {
    expect([key, text.trim()]).toEqual([key, text]);
    expect(text).not.toBe("");
    expect([key, valuesIn(text)]).toEqual([key, valuesIn(en[key as keyof typeof en])]);
  }
});

test("every text is used", async () => {
  const sources = [...new Bun.Glob("src/dashboard/**/*.{ts,tsx}").scanSync()].filter(
    (file) => !file.includes("/text/"),
  );
  const code = (await Promise.all(sources.map((file) => Bun.file(file).text()))).join("\n");
  // Names of pages and statuses are keys by themselves.
  const byValue = ["online", "degraded", "draining", "offline", "available", "unavailable"];
  expect(Object.keys(en).filter((key) => !byValue.includes(key) && !new RegExp(`\\b${key}\\b`).test(code))).toEqual([]);
});

test("every reason of a choice has words", () => {
  const all: Record<ChoiceReason, true> = {
    ...{ only: true, session: true, prefix: true, "least-loaded": true, "least-busy": true },
    ...{ "round-robin": true, cold: true, "two-choices": true, explore: true },
  };
  expect(Object.keys(reasonNames).sort()).toEqual(Object.keys(all).sort());
});

test("the language is the chosen one, else the browser's first that there is", () => {
  expect(pickLanguage(["ja-JP", "en"], null)).toBe("ja");
  expect(pickLanguage(["fr", "de-CH", "en-GB", "ja"], null)).toBe("en");
  expect(pickLanguage(["ja"], "en")).toBe("en");
  expect(pickLanguage([], null)).toBe("en");
  expect(pickLanguage(["ja"], "toString")).toBe("ja");
  expect(Object.keys(languageNames)).toEqual(Object.keys(messagesOf));
});

test("values stand in texts as they are", () => {
  expect(fill("{a} of {b}", { a: 1, b: "{a}" })).toBe("1 of {a}");
  expect(fill("{unknown} {toString}", {})).toBe("{unknown} {toString}");
  expect(fill("{x}", { x: "$& <b>" })).toBe("$& <b>");
});

test("numbers, sizes and times", () => {
  const format = createFormatter("en");
  expect([0, 0.4, 1.234, 12.34, 1234.5].map(format.rate)).toEqual(["0", "0.4", "1.23", "12.3", "1,235"]);
  expect([0.4, 85, 1_240, 61_000, 150_000].map(format.duration)).toEqual(["0 ms", "85 ms", "1.2 s", "61 s", "2.5 min"]);
  const sizes = [0, 512, 1.5 * 2 ** 20, 24 * 2 ** 30, 2 ** 50];
  expect(sizes.map(format.bytes)).toEqual(["0 B", "512 B", "1.5 MB", "24 GB", "1,024 TB"]);
  expect(format.percent(0.437)).toBe("44%");
  expect([4_000, 150_000, 7_200_000, 5 * 86_400_000, -5].map(ago)).toEqual([
    { unit: "agoSeconds", count: 4 },
    { unit: "agoMinutes", count: 3 },
    { unit: "agoHours", count: 2 },
    { unit: "agoDays", count: 5 },
    { unit: "agoSeconds", count: 0 },
  ]);
});

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
const luminance = (hex: string): number => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one: string, other: string): number => {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};

test.each([
  ["light", 0],
  ["dark", 1],
] as const)("the %s colours can be read", async (_, index) => {
  const css = await Bun.file("src/dashboard/style/base.css").text();
  const block = css.split(":root {")[index + 1] ?? "";
  const colours = new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", hex = ""]) => [name, hex]),
  );
  const pairs = ["text page", "text surface", "text accent-soft", "muted page", "muted surface", "muted raised"];
  pairs.push(
    "muted accent-soft",
    "accent surface",
    "on-accent accent",
    "good good-soft",
    "warn warn-soft",
    "bad bad-soft",
  );
  pairs.push("bad surface", "surface bad");
  const weak = pairs.filter((pair) => {
    const [one = "", other = ""] = pair.split(" ").map((name) => colours.get(name) ?? "#777777");
    return contrast(one, other) < 4.5;
  });
  expect(weak).toEqual([]);
});
