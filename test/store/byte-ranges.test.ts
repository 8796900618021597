import { expect, test } from "bun:test";
import {
  addRange,
  type ByteRanges,
  contiguousEnd,
  missingRanges,
  parseRanges,
  rangesTotal,
} from "../../src/store/byte-ranges.ts";

test("ranges merge where they touch or overlap and stay apart where they do not", () => {
  const steps: [added: [number, number], expected: ByteRanges][] = [
    [[10, 20], [[10, 20]]],
    [
      [30, 40],
      [
        [10, 20],
        [30, 40],
      ],
    ],
    [
      [0, 5],
      [
        [0, 5],
        [10, 20],
        [30, 40],
      ],
    ],
    [
      [20, 30],
      [
        [0, 5],
        [10, 40],
      ],
    ],
    [
      [7, 7],
      [
        [0, 5],
        [10, 40],
      ],
    ],
    [
      [12, 15],
      [
        [0, 5],
        [10, 40],
      ],
    ],
    [[3, 50], [[0, 50]]],
  ];
  let ranges: ByteRanges = [];
  for (const [added, expected] of steps) {
    ranges = addRange(ranges, added);
    expect(ranges).toEqual(expected);
  }
});

test("any order of pieces ends as the whole", () => {
  const pieces = Array.from({ length: 100 }, (_, index): [number, number] => [index * 7, index * 7 + 7]);
  const shuffled = pieces.map((piece, index) => pieces[(index * 37) % 100] ?? piece);
  const ranges = shuffled.reduce<ByteRanges>(addRange, []);
  expect(ranges).toEqual([[0, 700]]);
  expect(missingRanges(ranges, 700)).toEqual([]);
});

test("what is missing, how much is there, and how far without a gap", () => {
  const ranges: ByteRanges = [
    [0, 10],
    [20, 30],
  ];
  expect(missingRanges(ranges, 50)).toEqual([
    [10, 20],
    [30, 50],
  ]);
  expect(rangesTotal(ranges)).toBe(20);
  expect(contiguousEnd(ranges)).toBe(10);
  expect(contiguousEnd([[5, 10]])).toBe(0);
});

test("only sorted ranges inside the file are read back", () => {
  expect(
    parseRanges(
      [
        [0, 10],
        [10, 20],
      ],
      20,
    ),
  ).toEqual([
    [0, 10],
    [10, 20],
  ]);
  for (const wrong of [
    null,
    {},
    [[0]],
    [[0, 21]],
    [[-1, 5]],
    [[5, 5]],
    [
      [5, 9],
      [8, 12],
    ],
    [["0", "5"]],
    [[0.5, 3]],
  ])
    expect(parseRanges(wrong, 20)).toBeUndefined();
});
