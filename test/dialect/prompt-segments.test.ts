import { expect, test } from "bun:test";
import { promptSegments } from "../../src/dialect/prompt-segments.ts";

const turns = [
  { role: "user", content: "What is it?" },
  { role: "assistant", content: "A test." },
  { role: "user", content: "Why?" },
];
const parts = (text: string, type = "text") => [
  { type, text: text.slice(0, 3) },
  { type, text: text.slice(3) },
];

test("a conversation of texts is the same in every API", () => {
  const system = "Be brief.";
  const expected = ["system\nBe brief.", "user\nWhat is it?", "assistant\nA test.", "user\nWhy?"];
  const bodies: [string, object][] = [
    ["/v1/chat/completions", { messages: [{ role: "system", content: system }, ...turns] }],
    ["/v1/chat/completions", { messages: [{ role: "system", content: parts(system) }, ...turns] }],
    ["/api/chat", { messages: [{ role: "system", content: system }, ...turns], stream: false }],
    ["/v1/messages", { system, messages: turns, max_tokens: 5 }],
    [
      "/v1/messages",
      { system: parts(system), messages: turns.map((one) => ({ ...one, content: parts(one.content) })) },
    ],
    ["/v1/responses", { instructions: system, input: turns }],
    [
      "/v1/responses",
      {
        instructions: system,
        input: turns.map((one) => ({ ...one, type: "message", content: parts(one.content, "input_text") })),
      },
    ],
  ];
  for (const [path, body] of bodies) expect(promptSegments(path, { model: "m", ...body })).toEqual(expected);
  const one = ["system\nBe brief.", "user\nhi"];
  expect(promptSegments("/api/generate", { system, prompt: "hi" })).toEqual(one);
  expect(promptSegments("/v1/responses", { instructions: system, input: "hi" })).toEqual(one);
});

test("tools come first, calls and their results count", () => {
  const tools = [{ type: "function", function: { name: "f" } }];
  const messages = [
    { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
    { role: "tool", content: "5", tool_call_id: "1" },
  ];
  expect(promptSegments("/v1/chat/completions", { tools, messages })).toEqual([
    `tools\n${JSON.stringify(tools)}`,
    'assistant\n{"tool_calls":[{"id":"1"}]}',
    'tool\n{"tool_call_id":"1"}5',
  ]);
  const call = { type: "function_call", name: "f", arguments: "{}" };
  expect(promptSegments("/v1/responses", { input: [call] })).toEqual([
    'undefined function_call\n{"name":"f","arguments":"{}"}',
  ]);
});

test("a picture is known by what identifies it", () => {
  const of = (path: string, body: object) => promptSegments(path, body as never);
  const image = (data: string) => ({ type: "image_url", image_url: { url: `data:image/png;base64,${data}` } });
  const asked = (data: string) =>
    of("/v1/chat/completions", {
      messages: [{ role: "user", content: [{ type: "text", text: "look" }, image(data)] }],
    });
  expect(asked("AAAA")).toEqual(["user\nlook", { identity: expect.stringMatching(/^media \d+ \d+$/), tokens: 768 }]);
  expect(asked("AAAA")).not.toEqual(asked("BBBB"));
  const ollama = of("/api/chat", { messages: [{ role: "user", content: "look", images: ["AAAA"] }] });
  expect(ollama).toEqual(["user\nlook", { identity: expect.stringContaining("media 4 "), tokens: 768 }]);
});

test("what begins before the body, and what no cache keeps, has none", () => {
  for (const [path, body] of [
    ["/v1/responses", { input: "hi", previous_response_id: "resp_1" }],
    ["/api/generate", { prompt: "hi", context: [1, 2] }],
    ["/api/generate", { prompt: "hi", template: "{{ .Prompt }}" }],
    ["/v1/completions", { prompt: ["one", "two"] }],
    ["/v1/embeddings", { input: "hi" }],
    ["/v1/chat/completions", { messages: "none" }],
  ] as const)
    expect(promptSegments(path, body as never)).toEqual([]);
  expect(promptSegments("/api/generate", { prompt: "hi", raw: true })).toEqual(["hi"]);
  expect(promptSegments("/v1/completions", { prompt: "hi" })).toEqual(["hi"]);
});
