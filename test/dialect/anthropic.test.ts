import { expect, test } from "bun:test";
import type { AnthropicMessagesRequest } from "../../src/api/anthropic.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { fromAnthropicCount, fromAnthropicMessages } from "../../src/dialect/anthropic-request.ts";
import { toAnthropicEvents, toAnthropicMessage } from "../../src/dialect/anthropic-response.ts";
import { collect, streamOf } from "../fakes/streams.ts";

const from = (more: Partial<AnthropicMessagesRequest>) =>
  fromAnthropicMessages({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }], ...more });
const counts = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, promptMs: 1, generationMs: 2 };
const started: GenerationEvent = { type: "started", promptTokens: 5, cachedTokens: 2 };
const done = (more: object = {}): GenerationEvent => ({ type: "done", reason: "stop", counts, ...more });
const options = { id: "msg_1", model: "m", stopSequences: ["END"] };
const answer = (...events: GenerationEvent[]) => toAnthropicEvents(streamOf(started, ...events), options);

test("system, settings and limits", () => {
  expect(from({ system: "be terse", temperature: 0, top_k: 4, stop_sequences: ["x"] })).toEqual({
    input: {
      kind: "chat",
      messages: [
        { role: "system", content: "be terse" },
        { role: "user", content: "hi" },
      ],
    },
    sampling: { temperature: 0, topP: 1, topK: 4 },
    assumed: ["topP"],
    maxTokens: 9,
    stop: ["x"],
  });
  const blocks = [
    { type: "text" as const, text: "a" },
    { type: "text" as const, text: "b" },
  ];
  expect(from({ system: blocks }).input).toMatchObject({ messages: [{ role: "system", content: "a\n\nb" }, {}] });
});

test("a conversation with thoughts, tool calls and their results", () => {
  const messages: AnthropicMessagesRequest["messages"] = [
    { role: "user", content: [{ type: "text", text: "weather?" }] },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm", signature: "" },
        { type: "redacted_thinking", data: "x" },
        { type: "tool_use", id: "t1", name: "weather", input: { city: "Paris" } },
        { type: "tool_use", id: "t2", name: "time", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "sunny" }] },
        { type: "tool_result", tool_use_id: "t2", content: "no clock", is_error: true },
        { type: "text", text: "so?" },
      ],
    },
  ];
  expect(from({ messages }).input).toEqual({
    kind: "chat",
    messages: [
      { role: "user", content: "weather?" },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        tool_calls: [
          { id: "t1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } },
          { id: "t2", type: "function", function: { name: "time", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "t1", content: "sunny" },
      { role: "tool", tool_call_id: "t2", content: "Error: no clock" },
      { role: "user", content: "so?" },
    ],
  });
});

test("tools and the choice between them", () => {
  const tools = [{ name: "a", description: "A", input_schema: { type: "object" } }, { name: "b" }];
  const a = { type: "function", function: { name: "a", description: "A", parameters: { type: "object" } } };
  const b = { type: "function", function: { name: "b" } };
  expect(from({ tools }).input).toMatchObject({ tools: [a, b] });
  expect(from({ tools, tool_choice: { type: "any" } }).input).toMatchObject({ tools: [a, b], toolChoice: "required" });
  expect(from({ tools, tool_choice: { type: "tool", name: "b" } }).input).toMatchObject({
    tools: [b],
    toolChoice: "required",
  });
  expect(() => from({ tools, tool_choice: { type: "tool", name: "c" } })).toThrow('"c"');
  expect(() => from({ tools: [{ name: "s", type: "web_search_20250305" }] })).toThrow("runs at Anthropic only");
  const document = { type: "document" } as never;
  expect(() => from({ messages: [{ role: "user", content: [document] }] })).toThrow('"document" is not supported');
});

test("thinking is the template's own affair unless it is switched off", () => {
  expect(from({ thinking: { type: "enabled", budget_tokens: 1024 } }).input).not.toHaveProperty("thinking");
  expect(from({ thinking: { type: "disabled" } }).input).toMatchObject({ thinking: false });
  expect(fromAnthropicCount({ model: "m", messages: [{ role: "user", content: "x" }] }).sampling).toEqual({});
});

test("blocks begin and end one after the other", async () => {
  const events = await collect(
    answer(
      { type: "reasoning", text: "h" },
      { type: "reasoning", text: "m" },
      { type: "text", text: "Let me see." },
      { type: "toolCall", index: 0, id: "c", name: "f", arguments: "" },
      { type: "toolCall", index: 0, arguments: '{"x":1}' },
      { type: "toolCall", index: 1, id: "d", name: "g", arguments: "{}" },
      done({ reason: "toolCalls" }),
    ),
  );
  expect(events.map((event) => `${event.type}${"index" in event ? ` ${event.index}` : ""}`)).toEqual([
    "message_start",
    "content_block_start 0",
    "content_block_delta 0",
    "content_block_delta 0",
    "content_block_stop 0",
    "content_block_start 1",
    "content_block_delta 1",
    "content_block_stop 1",
    "content_block_start 2",
    "content_block_delta 2",
    "content_block_stop 2",
    "content_block_start 3",
    "content_block_delta 3",
    "content_block_stop 3",
    "message_delta",
    "message_stop",
  ]);
  expect(events[0]).toMatchObject({ message: { content: [], usage: { input_tokens: 3, cache_read_input_tokens: 2 } } });
  expect(events.at(-2)).toMatchObject({
    delta: { stop_reason: "tool_use", stop_sequence: null },
    usage: { output_tokens: 3 },
  });
});

test("a whole message joins its blocks", async () => {
  const message = await toAnthropicMessage(
    answer(
      { type: "reasoning", text: "hm" },
      { type: "text", text: "a" },
      { type: "text", text: "b" },
      { type: "toolCall", index: 0, id: "c", name: "f", arguments: '{"x":' },
      { type: "toolCall", index: 0, arguments: "1}" },
      done({ reason: "toolCalls" }),
    ),
  );
  expect(message?.content).toEqual([
    { type: "thinking", thinking: "hm", signature: "" },
    { type: "text", text: "ab" },
    { type: "tool_use", id: "c", name: "f", input: { x: 1 } },
  ]);
  expect(message).toMatchObject({ stop_reason: "tool_use", usage: { input_tokens: 3, output_tokens: 3 } });
});

test("why it ended", async () => {
  const end = async (more: object) => {
    const message = await toAnthropicMessage(answer({ type: "text", text: "x" }, done(more)));
    return [message?.stop_reason, message?.stop_sequence];
  };
  expect(await end({})).toEqual(["end_turn", null]);
  expect(await end({ reason: "length" })).toEqual(["max_tokens", null]);
  expect(await end({ stopText: "END" })).toEqual(["stop_sequence", "END"]);
  expect(await end({ stopText: "<|template's own|>" })).toEqual(["end_turn", null]);
});
