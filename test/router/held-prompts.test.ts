import { expect, test } from "bun:test";
import { prefixForm } from "../../src/core/prompt-prefix.ts";
import { heldPrompts, updateHeld } from "../../src/router/cluster/held-prompts.ts";
import { llmlbReading } from "../../src/router/cluster/llmlb-reading.ts";

const encode = (...marks: bigint[]) => new Uint8Array(BigUint64Array.from(marks).buffer).toBase64();
const told = (rest: object = {}) => ({
  pid: 7,
  generation: 3,
  form: prefixForm,
  whole: true,
  marks: encode(1n, 2n ** 64n - 1n),
  ...rest,
});

test("what a node holds is read by its runners", () => {
  expect(heldPrompts([told()])).toEqual(new Map([[7, { generation: 3, marks: [1n, 2n ** 64n - 1n], whole: true }]]));
  expect(heldPrompts([told({ marks: "" })])).toEqual(new Map([[7, { generation: 3, marks: [], whole: true }]]));
});

test("what was made in another way, or is nothing, is as if it were not told", () => {
  const strange = [
    told({ form: prefixForm + 1 }),
    told({ form: undefined }),
    told({ marks: "AAAA" }),
    told({ marks: "?" }),
    told({ marks: 5 }),
    told({ marks: encode(...Array.from({ length: 5_000 }, (_, index) => BigInt(index))) }),
    told({ pid: "7" }),
    null,
  ];
  for (const one of strange) expect(heldPrompts([one]).size).toBe(0);
  expect(heldPrompts("x").size).toBe(0);
});

test("between reports it stays what it was, as long as its runner does; another runner's is not taken for it", () => {
  const report = (...pids: number[]) => ({ models: pids.map((pid) => ({ name: `m${pid}`, pid })) });
  const first = updateHeld(new Map(), report(7), [told()]);
  const second = updateHeld(first, report(7, 8), [told({ pid: 8 })]);
  expect([...second.keys()]).toEqual([7, 8]);
  expect(second.get(7)).toBe(first.get(7) as never); // the same object: nothing is to be done
  const { models } = llmlbReading(report(7, 8), [], second);
  expect(models.map(({ name, process, held }) => [name, process, held?.marks.length])).toEqual([
    ["m7", 7, 2],
    ["m8", 8, 2],
  ]);
  expect([...updateHeld(second, report(9), undefined).keys()]).toEqual([]);
  expect(llmlbReading(report(9), [], second).models[0]?.held).toBeUndefined();
});
