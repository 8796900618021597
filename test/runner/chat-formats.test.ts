import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { AppError } from "../../src/core/errors.ts";
import type { GenerationInput } from "../../src/core/generation.ts";
import type { RunnerHandle } from "../../src/runner/handle.ts";
import { type Answer, chatOf, collect, fixtures, startRunner } from "./start-runner.ts";

// Every template that llama.cpp knows goes through render, constrained generation and parse. The model is one that knows no format at all:
// it tells its tale until the grammar or the limit ends it, so nothing it says can be relied on to be in order.

const folder = join(import.meta.dir, "../../build/llama.cpp/models/templates");
const { modelPath } = fixtures(); // whose build unpacks llama.cpp's sources

const cityTool = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string", enum: ["Paris"] } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

type ChatInput = Extract<GenerationInput, { kind: "chat" }>;

const chats: Record<string, Partial<ChatInput>> = {
  "one turn": {},
  "turns, a system message": {
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
      { role: "user", content: "How is the weather?" },
    ],
  },
  "without thinking": { thinking: false },
  "a call and its result": {
    tools: [cityTool],
    messages: [
      { role: "user", content: "How is the weather?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "call00001", type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call00001", name: "get_weather", content: "sunny" },
    ],
  },
  "a call that is required": { tools: [cityTool], toolChoice: "required" },
};

/** "" = an answer; otherwise why there is none. */
const ask = async (runner: RunnerHandle, chat: Partial<ChatInput>): Promise<string> => {
  const request = chatOf("How is the weather?", { maxTokens: 64 });
  const input = { ...request.input, ...chat } as ChatInput;
  try {
    const { toolCalls } = await collect(runner.generate({ ...request, input }));
    for (const call of toolCalls) checkCall(call);
    return "";
  } catch (error) {
    const { code, message } = error as AppError;
    return code === "context_overflow" ? "" : message; // four templates say more than this model can hold: they were rendered
  }
};

const checkCall = ({ name, arguments: json }: Answer["toolCalls"][number]): void => {
  expect(name).toBe("get_weather");
  expect(JSON.parse(json)).toEqual({ city: "Paris" });
};

test("every template renders every chat, and what comes is an answer", async () => {
  const templates = readdirSync(folder).filter((name) => name.endsWith(".jinja"));
  expect(templates.length).toBeGreaterThan(60);
  const refused: Record<string, string> = {};
  for (const file of templates) {
    await using runner = await withTemplate(file);
    for (const [title, chat] of Object.entries(chats)) {
      const reason = await ask(runner, chat);
      if (reason !== "") refused[`${file}: ${title}`] = reason;
    }
  }
  expect(refused).toEqual({
    // The template's own words: it knows no tools, and no two turns of one side.
    "google-gemma-2-2b-it.jinja: a call and its result": expect.stringMatching(
      /^the chat cannot be rendered: Conversation roles must alternate/,
    ),
  });
}, 120_000);

const withTemplate = async (file: string): Promise<RunnerHandle & AsyncDisposable> => {
  const runner = startRunner();
  const templatePath = join(folder, file);
  await runner.load({ modelPath: modelPath("tiny-plain"), contextTokens: 4096, slots: 1, gpu: "cpu", templatePath });
  return { ...runner, [Symbol.asyncDispose]: async () => void (await runner.exit()) };
};
