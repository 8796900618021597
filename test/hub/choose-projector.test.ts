import { expect, test } from "bun:test";
import { chooseProjector } from "../../src/hub/choose-projector.ts";

const choose = (model: string, ...paths: string[]) =>
  chooseProjector(
    paths.map((path) => ({ path })),
    model,
  )?.path;

test("no projector, no choice", () => {
  expect(choose("m-Q4_K_M.gguf", "m-Q4_K_M.gguf", "mmproj.txt", "README.md")).toBeUndefined();
});

test("the one whose quantization is nearest to the model's", () => {
  const projectors = ["mmproj-m-F16.gguf", "mmproj-m-Q8_0.gguf", "mmproj-m-F32.gguf"];
  expect(choose("m-Q4_K_M.gguf", ...projectors)).toBe("mmproj-m-Q8_0.gguf");
  expect(choose("m-BF16.gguf", ...projectors)).toBe("mmproj-m-F16.gguf");
});

test("the model's own folder first, then those above it, never another one", () => {
  const paths = ["mmproj-F16.gguf", "a/mmproj-F16.gguf", "b/mmproj-Q4_K_M.gguf"];
  expect(choose("a/m-Q4_K_M.gguf", ...paths)).toBe("a/mmproj-F16.gguf");
  expect(choose("c/m-Q4_K_M.gguf", ...paths)).toBe("mmproj-F16.gguf");
  expect(choose("m-Q4_K_M.gguf", ...paths)).toBe("mmproj-F16.gguf");
});
