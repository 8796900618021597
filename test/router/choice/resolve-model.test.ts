import { expect, test } from "bun:test";
import { resolveModel } from "../../../src/router/choice/resolve-model.ts";

const names = {
  aliases: new Map([
    ["gpt-4o", "Big"],
    ["big", "Org/Big-GGUF"],
    ["a", "b"],
    ["b", "a"],
    ["self", "self"],
  ]),
  fallbacks: new Map([
    ["org/big-gguf", ["medium", "gpt-4o", "gone"]],
    ["medium", ["small", "org/big-gguf"]],
    ["absent", ["small"]],
  ]),
};
const known = new Set(["org/big-gguf", "medium", "small", "a"]);
const resolve = (name: string) => [...resolveModel(name, names, known)];

test("aliases are followed in any case, fallbacks come after, theirs after them, each once", () => {
  expect(resolve("GPT-4o")).toEqual(["Org/Big-GGUF", "medium", "small"]);
  expect(resolve("medium")).toEqual(["medium", "small", "org/big-gguf"]);
});

test("a circle ends where it began", () => {
  expect(resolve("a")).toEqual(["a"]);
  expect(resolve("b")).toEqual(["b"]);
  expect(resolve("self")).toEqual(["self"]);
});

test("what no node has gives way to its fallback; where nothing is known, the name remains", () => {
  expect(resolve("absent")).toEqual(["small"]);
  expect(resolve("nowhere")).toEqual(["nowhere"]);
});
