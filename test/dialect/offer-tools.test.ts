import { expect, test } from "bun:test";
import { weatherTool } from "../../scripts/fixtures/models.ts";
import type { AnthropicMessagesRequest } from "../../src/api/anthropic.ts";
import type { OpenAiChatRequest } from "../../src/api/openai.ts";
import type { ResponsesRequest } from "../../src/api/openai-responses.ts";
import { fromAnthropicMessages } from "../../src/dialect/anthropic-request.ts";
import { fromOpenAiChat } from "../../src/dialect/openai-chat.ts";
import { fromResponses } from "../../src/dialect/responses-request.ts";

const { name, parameters } = weatherTool.function;
const messages = [{ role: "user" as const, content: "hi" }];

const openAi = (more: Partial<OpenAiChatRequest>) =>
  fromOpenAiChat({ model: "m", messages, tools: [weatherTool], ...more }).input;
const responses = (more: Partial<ResponsesRequest>) =>
  fromResponses({ model: "m", input: "hi", tools: [{ type: "function", name, parameters }], ...more }, []).input;
const anthropic = (more: Partial<AnthropicMessagesRequest>) =>
  fromAnthropicMessages({ model: "m", max_tokens: 9, messages, tools: [{ name, input_schema: parameters }], ...more })
    .input;

test("a choice means the same in each dialect", () => {
  const named = [
    openAi({ tool_choice: { type: "function", function: { name } } }),
    responses({ tool_choice: { type: "function", name } }),
    anthropic({ tool_choice: { type: "tool", name } }),
  ];
  const any = [
    openAi({ tool_choice: "required" }),
    responses({ tool_choice: "required" }),
    anthropic({ tool_choice: { type: "any" } }),
  ];
  for (const input of [...named, ...any])
    expect(input).toMatchObject({ toolChoice: "required", tools: [{ function: { name } }] });
  for (const input of [openAi({}), responses({ tool_choice: null }), anthropic({})]) {
    expect(input).not.toHaveProperty("toolChoice");
    expect(input).not.toHaveProperty("parallelToolCalls");
  }
});

test("one call at a time", () => {
  for (const input of [
    openAi({ parallel_tool_calls: false }),
    responses({ parallel_tool_calls: false }),
    anthropic({ tool_choice: { type: "auto", disable_parallel_tool_use: true } }),
  ])
    expect(input).toHaveProperty("parallelToolCalls", false);
});

test("a name that is not offered is an error that says it", () => {
  const message = 'tool_choice names "absent", which is not in tools';
  expect(() => openAi({ tool_choice: { type: "function", function: { name: "absent" } } })).toThrow(message);
  expect(() => responses({ tool_choice: { type: "function", name: "absent" } })).toThrow(message);
  expect(() => anthropic({ tool_choice: { type: "tool", name: "absent" } })).toThrow(message);
});
