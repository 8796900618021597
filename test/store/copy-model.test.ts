import { expect, test } from "bun:test";
import { parseModelRef } from "../../src/core/model-ref.ts";
import { storeHarness } from "./store-harness.ts";

const ref = (name: string) => parseModelRef(name);

test("a copy is one more name: it finds the model, shows beside it, and costs nothing", async () => {
  using harness = storeHarness();
  const model = await harness.add("org/Llama-3.2-3B-GGUF:Q8_0", 1);
  await harness.store.copy(ref("llama3.2-3b"), ref("Assistant"));
  expect(harness.store.get(ref("assistant")).id).toBe(model.id);
  expect(harness.store.list().map(({ aliases }) => aliases)).toEqual([["assistant", "llama3.2-3b"]]);
  await harness.store.copy(ref("org/Llama-3.2-3B-GGUF:Q8_0"), ref("assistant")); // once more is no error
});

test("removing a copy leaves the model; removing the model takes its copies along", async () => {
  using harness = storeHarness();
  await harness.add("org/m:Q8_0", 1);
  await harness.store.copy(ref("org/m:Q8_0"), ref("mine"));
  expect(harness.store.isCopy(ref("mine"))).toBe(true);
  expect(harness.store.isCopy(ref("m"))).toBe(false);
  expect(await harness.store.remove(ref("mine"))).toEqual({ name: "mine", freedBytes: 0 });
  expect(harness.store.find(ref("mine"))).toBeUndefined();
  expect(harness.store.list()).toHaveLength(1);
  await harness.store.copy(ref("org/m:Q8_0"), ref("mine"));
  await harness.store.remove(ref("m"));
  expect(harness.store.list()).toEqual([]);
  expect(harness.store.find(ref("mine"))).toBeUndefined();
});

test("a name of another model is never taken over, a free one may be anything short", async () => {
  using harness = storeHarness();
  await harness.add("org/one:Q8_0", 1);
  await harness.add("org/two:Q8_0", 2);
  await expect(harness.store.copy(ref("one"), ref("two"))).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/^"two" is a name of org\/two:Q8_0 already/),
  });
  expect(harness.store.get(ref("two")).name).toBe("org/two:Q8_0");
  await expect(harness.store.copy(ref("nobody"), ref("x"))).rejects.toMatchObject({ code: "model_not_found" });
  for (const name of ["org/three", "three:Q8_0", "ollama:three"])
    await expect(harness.store.copy(ref("one"), ref(name))).rejects.toMatchObject({ code: "invalid_model_name" });
  const ollamas = harness.store.copy(ref("ollama:hello"), ref("mine"));
  await expect(ollamas).rejects.toMatchObject({
    code: "read_only",
    message: expect.stringContaining("ollama cp hello"),
  });
});

test("a pull keeps the alias that a copy has taken", async () => {
  using harness = storeHarness();
  await harness.add("org/one:Q8_0", 1);
  await harness.store.copy(ref("one"), ref("two"));
  const two = await harness.add("org/two:Q8_0", 2);
  expect(two.aliases).toEqual(["two-q8_0"]);
  expect(harness.store.get(ref("two")).name).toBe("org/one:Q8_0");
});
