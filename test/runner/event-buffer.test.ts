import { expect, test } from "bun:test";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { eventBuffer } from "../../src/runner/event-buffer.ts";

const text = (piece: string): GenerationEvent => ({ type: "text", text: piece });

test("what waits is merged with its neighbour of the same kind only", async () => {
  const buffer = eventBuffer();
  buffer.push([text("a"), text("b"), { type: "reasoning", text: "r" }, text("c")], 4);
  buffer.push([text("d"), { type: "toolCall", index: 0, id: "i", name: "f", arguments: "{" }], 2);
  buffer.push(
    [
      { type: "toolCall", index: 0, arguments: "}" },
      { type: "toolCall", index: 1, id: "j", name: "g", arguments: "{}" },
    ],
    2,
  );
  const taken = [];
  for (let i = 0; i < 5; i++) taken.push(await buffer.next());
  expect(taken).toEqual([
    text("ab"),
    { type: "reasoning", text: "r" },
    text("cd"),
    { type: "toolCall", index: 0, id: "i", name: "f", arguments: "{}" },
    { type: "toolCall", index: 1, id: "j", name: "g", arguments: "{}" },
  ]);
});

test("a waiting reader wakes up", async () => {
  const buffer = eventBuffer();
  const next = buffer.next();
  buffer.push([text("late")], 1);
  expect(await next).toEqual(text("late"));
});

test("a failure comes after what was buffered, and the first one counts", async () => {
  const buffer = eventBuffer();
  buffer.push([text("a")], 1);
  buffer.fail(new Error("first"));
  buffer.fail(new Error("second"));
  expect(await buffer.next()).toEqual(text("a"));
  await expect(buffer.next()).rejects.toThrow("first");
});

test("tokens count as taken with the event that they belong to, or at once when there is nothing to take", async () => {
  const taken: number[] = [];
  const buffer = eventBuffer((tokens) => taken.push(tokens));
  buffer.push([], 3);
  buffer.push([text("a")], 1);
  buffer.push([text("b")], 2);
  buffer.push([], 4);
  expect(taken).toEqual([3]);
  await buffer.next();
  expect(taken).toEqual([3, 7]);
});
