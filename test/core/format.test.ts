import { expect, test } from "bun:test";
import { formatBytes, formatCount } from "../../src/core/format.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 KB"],
  [1500, "1.5 KB"],
  [39_100_000, "39 MB"],
  [2_019_393_189, "2.0 GB"],
  [2_000_000_000, "2 GB"],
  [12_999_999_999, "12 GB"],
  [3e15, "3 PB"],
])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [12, "12"],
  [16_400, "16.4K"],
  [494_000_000, "494M"],
  [3_212_749_888, "3.2B"],
  [70_000_000_000, "70B"],
])("%d parameters are %s", (count, text) => expect(formatCount(count)).toBe(text));
