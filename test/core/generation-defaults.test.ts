import { expect, test } from "bun:test";
import type { ChatMessage, GenerationRequest } from "../../src/core/generation.ts";
import { type GenerationDefaults, withDefaults } from "../../src/core/generation-defaults.ts";

const user: ChatMessage = { role: "user", content: "hi" };
const system: ChatMessage = { role: "system", content: "own" };
const chat = (more: Partial<GenerationRequest> = {}, messages = [user]): GenerationRequest => ({
  input: { kind: "chat", messages },
  sampling: {},
  ...more,
});
const text: GenerationRequest = { input: { kind: "text", text: "hi" }, sampling: {} };

test("without defaults a request stays as it is", () => {
  const request = chat({ sampling: { topK: 1 }, maxTokens: 3, stop: ["x"], overflow: { keepTokens: 5 } });
  expect(withDefaults(request)).toEqual(request);
  expect(withDefaults(chat())).toEqual(chat());
});

test("what only our own side says does not reach the runner", () => {
  const request = chat({ sampling: { temperature: 1 }, assumed: ["temperature"], maxTokens: Number.POSITIVE_INFINITY });
  expect(withDefaults(request)).toEqual(chat({ sampling: { temperature: 1 } }));
});

const defaults: GenerationDefaults = {
  sampling: { temperature: 0.2, topK: 7 },
  maxTokens: 5,
  stop: ["a"],
  keepTokens: 9,
};

test("defaults take effect where the request is silent", () => {
  expect(withDefaults(chat({ overflow: { shift: true } }), defaults)).toEqual(
    chat({
      sampling: { temperature: 0.2, topK: 7 },
      maxTokens: 5,
      stop: ["a"],
      overflow: { shift: true, keepTokens: 9 },
    }),
  );
  expect(withDefaults(text, defaults)).toMatchObject({ input: text.input, maxTokens: 5 });
});

test("what the request says counts, before what its API assumes", () => {
  const said = { temperature: 1, topP: 1, topK: 3 };
  const request = chat({ sampling: said, maxTokens: 0, stop: [], overflow: { keepTokens: 0 } });
  expect(withDefaults(request, defaults)).toEqual(request);
  expect(withDefaults({ ...request, assumed: ["temperature", "topP"] }, defaults).sampling).toEqual({
    ...said,
    temperature: 0.2,
  });
  expect(withDefaults(chat({ maxTokens: Number.POSITIVE_INFINITY }), defaults)).not.toHaveProperty("maxTokens");
});

const turns: ChatMessage[] = [
  { role: "user", content: "2+2?" },
  { role: "assistant", content: "4" },
];

test("a system message is for chats without one, and stays before the model's own turns", () => {
  const messagesOf = (request: GenerationRequest, more: GenerationDefaults) => {
    const { input } = withDefaults(request, more);
    return input.kind === "chat" ? input.messages : [];
  };
  const be = { role: "system" as const, content: "Be brief." };
  const developer: ChatMessage = { role: "developer", content: "own" };
  expect(messagesOf(chat(), { system: be.content })).toEqual([be, user]);
  expect(messagesOf(chat(), { system: be.content, messages: turns })).toEqual([be, ...turns, user]);
  expect(messagesOf(chat({}, [system, user]), { system: be.content, messages: turns })).toEqual([
    system,
    ...turns,
    user,
  ]);
  expect(messagesOf(chat({}, [developer, user]), { system: be.content })).toEqual([developer, user]);
  expect(messagesOf(chat({}, [user, system]), { system: be.content })).toEqual([user, system]);
  expect(withDefaults(text, { system: be.content, messages: turns })).toEqual(text);
});

test("a conversation that goes on from its tokens has its system message and first turns already", () => {
  const goingOn: GenerationRequest = { ...chat(), input: { kind: "chat", messages: [user], context: [1, 2] } };
  expect(withDefaults(goingOn, { system: "be brief", messages: [user], maxTokens: 5 })).toEqual({
    ...goingOn,
    maxTokens: 5,
  });
});
