import { expect, test } from "bun:test";
import { createHeldPrefixes } from "../../src/runner/held-prefixes.ts";

const prompt = (...prefix: bigint[]) => ({
  prefix,
  prefixTokens: prefix.map((_, index) => (index + 1) * 64),
  promptTokens: prefix.length * 64 + 10,
});
const nobody = new Map<number, unknown>();

test("what a runner holds is the marks of the requests that it tells, the newest first, common beginnings once", () => {
  const book = createHeldPrefixes();
  book.sent(1, prompt(1n, 2n, 3n));
  book.sent(2, prompt(1n, 5n));
  book.begun(1, 202);
  book.begun(2, 138);
  expect(book.current().marks).toEqual([]);
  book.told(
    [
      { request: 2, tokens: 150 },
      { request: 1, tokens: 300 },
    ],
    nobody,
  );
  expect(book.current()).toEqual({ generation: 1, marks: [1n, 5n, 2n, 3n], whole: true });
  book.told([{ request: 1, tokens: 300 }], nobody);
  expect(book.current()).toEqual({ generation: 2, marks: [1n, 2n, 3n], whole: true });
  book.told([{ request: 1, tokens: 310 }], nobody); // the same marks
  expect(book.current().generation).toBe(2);
  book.told([], nobody);
  expect(book.current()).toEqual({ generation: 3, marks: [], whole: true });
});

test("of a prompt that is held in part, the marks that its true length puts there", () => {
  const book = createHeldPrefixes();
  book.sent(1, prompt(1n, 2n, 3n));
  const held = (tokens: number) => {
    book.told([{ request: 1, tokens }], new Map([[1, true]]));
    return book.current().marks;
  };
  expect(held(130)).toEqual([1n, 2n]);
  book.begun(1, 404); // twice the estimate
  expect(held(130)).toEqual([1n]);
  expect(held(403)).toEqual([1n, 2n, 3n]);
});

test("a request is remembered while it runs or is held, and not after", () => {
  const book = createHeldPrefixes();
  book.sent(1, prompt(1n));
  book.told([], new Map([[1, true]]));
  book.told([{ request: 1, tokens: 900 }], nobody);
  expect(book.current().marks).toEqual([1n]);
  book.told([], nobody);
  book.told([{ request: 1, tokens: 900 }], nobody);
  expect(book.current().marks).toEqual([]);
});

test("no more than 2,048 marks are told, and that there are more", () => {
  const book = createHeldPrefixes();
  for (let id = 1; id <= 10; id++)
    book.sent(id, prompt(...Array.from({ length: 250 }, (_, mark) => BigInt(id * 1000 + mark))));
  const held = (count: number) => Array.from({ length: count }, (_, index) => ({ request: index + 1, tokens: 99_999 }));
  book.told(held(8), new Map(held(10).map(({ request }) => [request, true])));
  expect(book.current()).toMatchObject({ whole: true, marks: { length: 2_000 } });
  book.told(held(10), nobody);
  expect(book.current()).toMatchObject({ whole: false, marks: { length: 2_048 } });
});
