import { expect, test } from "bun:test";
import { fromOllamaParams, showOllamaParams } from "../../src/dialect/ollama-params.ts";

test("a model's parameters become defaults", () => {
  expect(
    fromOllamaParams({
      ...{ temperature: 0.6, top_k: 20, top_p: 0.9, repeat_penalty: 1.1, seed: 3 },
      ...{ num_ctx: 8192, num_predict: 100, num_keep: 24, num_gpu: 99, use_mmap: false },
      stop: ["<|im_start|>", "<|im_end|>"],
    }),
  ).toEqual({
    sampling: { temperature: 0.6, topK: 20, topP: 0.9, repeatPenalty: 1.1, seed: 3 },
    maxTokens: 100,
    contextTokens: 8192,
    keepTokens: 24,
    stop: ["<|im_start|>", "<|im_end|>"],
  });
  expect(fromOllamaParams({ stop: "x" })).toEqual({ stop: ["x"] });
});

test("no limit is none; what is of the wrong type is left out", () => {
  expect(fromOllamaParams({})).toEqual({});
  expect(fromOllamaParams({ num_predict: -1 })).toEqual({});
  expect(fromOllamaParams({ num_predict: -2, num_ctx: 0 })).toEqual({});
  expect(
    fromOllamaParams({ temperature: "hot", num_ctx: 1e12, num_predict: 1.5, num_keep: null, stop: [3, {}], top_k: [] }),
  ).toEqual({});
});

test("they are shown as Ollama shows them: a line for each value", () => {
  expect(showOllamaParams({ stop: ["<|im_end|>", '"'], num_ctx: 4096 })).toBe(
    [
      "num_ctx                        4096",
      'stop                           "<|im_end|>"',
      'stop                           "\\""',
    ].join("\n"),
  );
  expect(showOllamaParams({})).toBe("");
});
