import { expect, test } from "bun:test";
import { AppError } from "../../src/core/errors.ts";
import type { GenerationRequest } from "../../src/core/generation.ts";
import { toBridgeRequest } from "../../src/runner/bridge-request.ts";
import { defaultSampling } from "../../src/runner/default-sampling.ts";

const text = (more: Partial<GenerationRequest> = {}): GenerationRequest => ({
  input: { kind: "text", text: "x" },
  sampling: {},
  ...more,
});

const sent = (request: GenerationRequest) => JSON.parse(toBridgeRequest(request).json);

const refusal = (request: unknown): string => {
  try {
    toBridgeRequest(request as GenerationRequest);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "invalid_argument" });
    return (error as AppError).message;
  }
  throw new Error("expected a refusal");
};

const unlimited = {
  contextTokens: 0,
  truncatePrompt: false,
  shift: false,
  keepTokens: 4,
  logitBias: [],
  topLogprobs: -1,
  tellTokens: false,
};

const nested = (depth: number): Record<string, unknown> => (depth === 0 ? {} : { a: nested(depth - 1) });

test("an empty request gets Ollama's defaults", () => {
  expect(sent(text())).toEqual({ text: "x", sampling: defaultSampling, maxTokens: -1, stop: [], ...unlimited });
  expect(defaultSampling).toMatchObject({ temperature: 0.8, topK: 40, topP: 0.9, repeatPenalty: 1, repeatLastN: 64 });
});

test("log probabilities and biases", () => {
  const request = text({ topLogprobs: 0, sampling: { logitBias: { "5": -100, "7": 1.5 } } });
  expect(sent(request)).toMatchObject({
    topLogprobs: 0,
    logitBias: [
      [5, -100],
      [7, 1.5],
    ],
  });
  expect(refusal(text({ topLogprobs: 101 }))).toContain("topLogprobs");
  expect(refusal(text({ sampling: { logitBias: { "5": 101 } } }))).toContain("logit_bias");
  for (const id of ["hello", "-1", "1.5"])
    expect(refusal(text({ sampling: { logitBias: { [id]: 1 } } }))).toContain("token of logit_bias");
});

test("what is given is passed on", () => {
  const request = text({
    sampling: { temperature: 0, topK: 5, seed: 7, grammar: "g" },
    maxTokens: 3,
    stop: ["a", ""],
    contextTokens: 100,
    overflow: { shift: true },
  });
  expect(sent(request)).toEqual({
    text: "x",
    grammar: "g",
    sampling: { ...defaultSampling, temperature: 0, topK: 5, seed: 7 },
    maxTokens: 3,
    stop: ["a"],
    ...unlimited,
    contextTokens: 100,
    shift: true,
  });
});

test("seeds: none when negative, 32 bits otherwise, never llama.cpp's word for random", () => {
  expect(sent(text({ sampling: { seed: -1 } })).sampling.seed).toBeUndefined();
  expect(sent(text({ sampling: { seed: 2 ** 32 - 1 } })).sampling.seed).toBe(0);
  expect(sent(text({ sampling: { seed: 2 ** 40 + 5 } })).sampling.seed).toBe((2 ** 40 + 5) % (2 ** 32 - 1));
});

test("values out of range name the field and the range", () => {
  const hostile = [Number.NaN, Number.POSITIVE_INFINITY, -1e9, 1e12, "1", null, {}];
  for (const field of Object.keys(defaultSampling))
    for (const value of hostile.filter((one) => one !== null))
      expect(refusal(text({ sampling: { [field]: value } }))).toStartWith(`invalid ${field} `);
  expect(refusal(text({ sampling: { topK: 1.5 } }))).toBe(
    "invalid topK 1.5: expected a whole number from -1 to 2147483647",
  );
  expect(refusal(text({ maxTokens: -1 }))).toBe("invalid maxTokens -1: expected a whole number from 0 to 2147483647");
  expect(refusal(text({ sampling: { seed: 0.5 } }))).toStartWith("invalid seed 0.5");
});

test("constraints exclude each other and may not be bottomless", () => {
  expect(refusal(text({ sampling: { grammar: "g", jsonSchema: {} } }))).toContain("cannot be used together");
  expect(sent(text({ sampling: { jsonSchema: nested(60) } })).jsonSchema).toBe(JSON.stringify(nested(60)));
  expect(refusal(text({ sampling: { jsonSchema: nested(70) } }))).toBe(
    "the JSON schema is nested deeper than 64 levels",
  );
  const tool = { type: "function", function: { name: "f", parameters: nested(70) } } as const;
  const messages = [{ role: "user", content: "x" }] as const;
  expect(refusal(text({ input: { kind: "chat", messages: [...messages], tools: [tool] } }))).toContain('tool "f"');
  const call = { type: "function", function: { name: "g", arguments: JSON.stringify(nested(70)) } } as const;
  expect(
    refusal(text({ input: { kind: "chat", messages: [{ role: "assistant", content: null, tool_calls: [call] }] } })),
  ).toContain('"g"');
});

test("chats", () => {
  const messages = [{ role: "user" as const, content: "hi" }];
  const input = { kind: "chat" as const, messages, tools: [], thinking: false, reasoningEffort: "low" as const };
  expect(sent(text({ input })).chat).toEqual({ messages, thinking: false, reasoningEffort: "low" });
  expect(refusal(text({ input: { kind: "chat", messages: [] } }))).toBe("a chat needs at least one message");
});

test("stop strings are bounded", () => {
  expect(refusal(text({ stop: Array(257).fill("a") }))).toContain("at most 256");
  expect(refusal(text({ stop: ["a".repeat(4097)] }))).toContain("longer than 4096");
});

test("calls of tools that are none are the client's mistake", () => {
  const chat = (calls: unknown) => ({
    input: { kind: "chat", messages: [{ role: "assistant", content: null, tool_calls: calls }] },
    sampling: {},
  });
  for (const calls of [[[]], [{}], 5, [{ function: null }]])
    expect(refusal(chat(calls))).toBe("the request body has not the shape of its API");
});
