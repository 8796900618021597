import { expect, test } from "bun:test";
import type { ResponsesInputItem, ResponsesRequest } from "../../src/api/openai-responses.ts";
import type { GenerationEvent } from "../../src/core/generation.ts";
import { fromResponses, inputMessages } from "../../src/dialect/responses-request.ts";
import { emptyResponse, toResponsesEvents } from "../../src/dialect/responses-response.ts";
import { collect, streamOf } from "../fakes/streams.ts";

const request = (more: Partial<ResponsesRequest> = {}): ResponsesRequest => ({ model: "m", input: "hi", ...more });
const counts = { promptTokens: 5, cachedTokens: 2, completionTokens: 4, promptMs: 1, generationMs: 2 };
const started: GenerationEvent = { type: "started", promptTokens: 5, cachedTokens: 2 };

test("instructions lead, the conversation follows", () => {
  const messages = [{ role: "user" as const, content: "before" }, ...inputMessages("hi")];
  expect(fromResponses(request({ instructions: "be terse", max_output_tokens: 7, temperature: 0 }), messages)).toEqual({
    input: {
      kind: "chat",
      messages: [
        { role: "system", content: "be terse" },
        { role: "user", content: "before" },
        { role: "user", content: "hi" },
      ],
    },
    sampling: { temperature: 0, topP: 1 },
    assumed: ["topP"],
    maxTokens: 7,
  });
});

test("items become messages: text parts, calls made together, their results, and thoughts", () => {
  const items: ResponsesInputItem[] = [
    { role: "developer", content: "rules" },
    { type: "message", role: "user", content: [{ type: "input_text", text: "weather?" }] },
    { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Let me see." }] },
    { type: "function_call", call_id: "a", name: "weather", arguments: "{}" },
    { type: "function_call", call_id: "b", name: "time", arguments: "{}" },
    { type: "function_call_output", call_id: "a", output: "sunny" },
    { type: "function_call_output", call_id: "b", output: [{ type: "input_text", text: "noon" }] },
  ];
  const call = (id: string, name: string) => ({ id, type: "function", function: { name, arguments: "{}" } });
  expect(inputMessages(items)).toEqual([
    { role: "system", content: "rules" },
    { role: "user", content: "weather?" },
    {
      role: "assistant",
      content: "Let me see.",
      reasoning_content: "hm",
      tool_calls: [call("a", "weather"), call("b", "time")],
    } as never,
    { role: "tool", tool_call_id: "a", content: "sunny" },
    { role: "tool", tool_call_id: "b", content: "noon" },
  ]);
  const file = { role: "user" as const, content: [{ type: "input_file" }] };
  expect(() => inputMessages([file])).toThrow('"input_file" is not supported');
  expect(() => inputMessages([{ type: "web_search_call" } as never])).toThrow('"web_search_call" is not supported');
});

test("tools, formats and effort", () => {
  const tools = [{ type: "function", name: "f", parameters: { type: "object" } }];
  expect(fromResponses(request({ tools, tool_choice: { type: "function", name: "f" } }), []).input).toMatchObject({
    tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
    toolChoice: "required",
  });
  expect(() => fromResponses(request({ tools: [{ type: "web_search" }] }), [])).toThrow("runs at OpenAI only");
  const format = { type: "json_schema" as const, name: "x", schema: { type: "array" } };
  expect(fromResponses(request({ text: { format } }), []).sampling.jsonSchema).toEqual({ type: "array" });
  expect(fromResponses(request({ reasoning: { effort: "none" } }), []).input).toMatchObject({ thinking: false });
});

test("events of thoughts, text and a call, numbered, and the whole response at the end", async () => {
  const response = emptyResponse(request(), "resp_1", 1);
  const events = await collect(
    toResponsesEvents(
      streamOf<GenerationEvent>(
        started,
        { type: "reasoning", text: "hm" },
        { type: "text", text: "Let me" },
        { type: "text", text: " see." },
        { type: "toolCall", index: 0, id: "c", name: "f", arguments: "" },
        { type: "toolCall", index: 0, arguments: "{}" },
        { type: "done", reason: "toolCalls", counts },
      ),
      response,
    ),
  );
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  expect(events.map(({ type }) => type.replace("response.", ""))).toEqual([
    ...["created", "in_progress"],
    ...["output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done"],
    ...["content_part.done", "output_item.done"],
    ...["output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done"],
    ...["content_part.done", "output_item.done"],
    ...["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"],
    "completed",
  ]);
  expect(response).toMatchObject({
    status: "completed",
    output: [
      { type: "reasoning", status: "completed", content: [{ text: "hm" }] },
      { type: "message", status: "completed", content: [{ type: "output_text", text: "Let me see." }] },
      { type: "function_call", call_id: "c", name: "f", arguments: "{}", status: "completed" },
    ],
    usage: { input_tokens: 5, input_tokens_details: { cached_tokens: 2 }, output_tokens: 4, total_tokens: 9 },
  });
});

test("a limit makes it incomplete", async () => {
  const response = emptyResponse(request(), "resp_1", 1);
  const done: GenerationEvent = { type: "done", reason: "length", counts };
  const events = await collect(
    toResponsesEvents(streamOf<GenerationEvent>(started, { type: "text", text: "a" }, done), response),
  );
  expect(events.at(-1)?.type).toBe("response.incomplete");
  expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
});
