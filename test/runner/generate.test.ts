import { describe, expect, test } from "bun:test";
import { getFixtureModel, weatherTool } from "../../scripts/fixtures/models.ts";
import type { AppError } from "../../src/core/errors.ts";
import type { GenerationRequest } from "../../src/core/generation.ts";
import { chatOf, collect, fixtures, loadedRunners, textOf } from "./start-runner.ts";

const { modelPath } = fixtures();
const runnerOf = loadedRunners(modelPath);

const ask = async (model: string, request: GenerationRequest) => collect((await runnerOf(model)).generate(request));

const failure = async (model: string, request: GenerationRequest): Promise<AppError> =>
  ask(model, request).then(
    () => {
      throw new Error("expected a failure");
    },
    (error) => error,
  );

describe("chat", () => {
  test("says what the model says, and counts", async () => {
    const { text, done } = await ask("tiny-hello", chatOf("Say something"));
    expect(text).toBe(getFixtureModel("tiny-hello").answer ?? "");
    expect(done.reason).toBe("stop");
    expect(done.counts.promptTokens).toBeGreaterThan(10);
    expect(done.counts.completionTokens).toBe(9); // eight words and the end of the turn, as llama-server counts
    expect(done.counts.promptMs).toBeGreaterThan(0);
    expect(done.counts.generationMs).toBeGreaterThan(0);
  });

  test("a model without a chat template gets ChatML", async () => {
    const { text, done } = await ask("tiny-plain", chatOf("hi"));
    expect(text).toBe(getFixtureModel("tiny-plain").answer ?? "");
    expect(done.reason).toBe("stop");
  });

  test("reasoning comes apart from the answer, by itself and when asked for", async () => {
    const { answer, reasoning } = getFixtureModel("tiny-think");
    for (const thinking of [undefined, true]) {
      const input = { kind: "chat", messages: [{ role: "user", content: "2+2?" }] } as const;
      const request = {
        input:
          thinking === undefined
            ? { ...input, messages: [...input.messages] }
            : { ...input, messages: [...input.messages], thinking },
        sampling: { temperature: 0 },
      };
      const said = await ask("tiny-think", request);
      expect(said.reasoning).toBe(reasoning ?? "");
      expect(said.text).toBe(answer ?? "");
    }
  });

  test("thinking can be turned off", async () => {
    const said = await ask("tiny-think", {
      input: { kind: "chat", messages: [{ role: "user", content: "2+2?" }], thinking: false },
      sampling: { temperature: 0 },
    });
    expect(said.reasoning).toBe("");
    expect(said.text).toBe(getFixtureModel("tiny-think").answer ?? "");
  });
});

describe("tools", () => {
  const withTool = (more: Partial<Extract<GenerationRequest["input"], { kind: "chat" }>> = {}): GenerationRequest => ({
    input: { kind: "chat", messages: [{ role: "user", content: "Weather in Paris?" }], tools: [weatherTool], ...more },
    sampling: { temperature: 0 },
  });

  test("a call is an event with id, name and JSON arguments, and none of its markup is text", async () => {
    const { toolCalls, text, done, events } = await ask("tiny-tool", withTool());
    expect(toolCalls).toHaveLength(1);
    expect(toolCalls[0]?.name).toBe("get_weather");
    expect(toolCalls[0]?.id).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(JSON.parse(toolCalls[0]?.arguments ?? "")).toEqual({ city: "Paris" });
    expect(text).toBe("");
    expect(done.reason).toBe("toolCalls");
    expect(events.filter((event) => event.type === "toolCall" && event.name !== undefined)).toHaveLength(1);
  });

  test("the answer to a tool's result, and the answer without tools", async () => {
    const call = {
      id: "a",
      type: "function",
      function: { name: "get_weather", arguments: '{"city":"Paris"}' },
    } as const;
    const afterwards = await ask(
      "tiny-tool",
      withTool({
        messages: [
          { role: "user", content: "Weather in Paris?" },
          { role: "assistant", content: null, tool_calls: [call] },
          { role: "tool", tool_call_id: "a", content: "sunny, 21" },
        ],
      }),
    );
    expect(afterwards.text).toBe(getFixtureModel("tiny-tool").toolAnswer ?? "");
    expect(afterwards.done.reason).toBe("stop");
    expect((await ask("tiny-tool", chatOf("Weather?"))).text).toBe(getFixtureModel("tiny-tool").answer ?? "");
  });

  test("a call that is cut off is no error", async () => {
    const { done, text } = await ask("tiny-tool", { ...withTool(), maxTokens: 4 });
    expect(done.reason).toBe("length");
    expect(done.counts.completionTokens).toBe(4);
    expect(text).toBe("");
  });
});

describe("answers that do not fit their format", () => {
  const tools = [weatherTool];

  test("are shown as text, never an error", async () => {
    const messages = [{ role: "user" as const, content: "Weather in Paris?" }];
    const request = { input: { kind: "chat" as const, messages, tools }, sampling: { temperature: 0 } };
    const { text, toolCalls, done } = await ask("tiny-tool", { ...request, stop: ['"arguments'] });
    expect(toolCalls).toEqual([]);
    expect(text).toContain('{"name": "get_weather"');
    expect(done.reason).toBe("stop");
  });

  test("a call that is required is made", async () => {
    const messages = [{ role: "user" as const, content: "hi" }];
    const input = { kind: "chat" as const, messages, tools, toolChoice: "required" as const };
    const { toolCalls, done } = await ask("tiny-tool", { input, sampling: { temperature: 0 } });
    expect(toolCalls.map(({ name }) => name)).toEqual(["get_weather"]);
    expect(done.reason).toBe("toolCalls");
  });
});

describe("ends", () => {
  test("maxTokens", async () => {
    const { text, done } = await ask("tiny-hello", chatOf("hi", { maxTokens: 3 }));
    expect(text).toBe("Hello! I");
    expect(done).toMatchObject({ reason: "length", counts: { completionTokens: 3 } });
    expect((await ask("tiny-hello", chatOf("hi", { maxTokens: 0 }))).events).toMatchObject([
      { type: "started" },
      { type: "done", reason: "length", counts: { completionTokens: 0 } },
    ]);
  });

  test("a full context", async () => {
    const { done } = await ask("tiny-endless", chatOf("go"));
    expect(done.reason).toBe("length");
    expect(done.counts.promptTokens + done.counts.completionTokens).toBe(512);
  });

  test("a prompt that does not fit names both numbers", async () => {
    const error = await failure("tiny-hello", textOf("word ".repeat(600)));
    expect(error.code).toBe("context_overflow");
    expect(error.message).toMatch(/the prompt has \d{3,4} tokens, but the context holds 512/);
  });
});

describe("stop strings", () => {
  const stopAt = (stop: string[]) => ask("tiny-hello", chatOf("hi", { stop }));

  test("end the answer and are no part of it, also across tokens", async () => {
    for (const [stop, text] of [
      ["am", "Hello! I "],
      ["I am a", "Hello! "],
      ["o! I a", "Hell"],
      ["y mod", "Hello! I am a tin"],
      ["Hello", ""],
      [".", "Hello! I am a tiny model"],
    ] as const) {
      const said = await stopAt([stop]);
      expect([stop, said.text, said.done.reason]).toEqual([stop, text, "stop"]);
    }
  });

  test("the answer says which of them ended it", async () => {
    expect((await stopAt(["zzz", "am a"])).done.stopText).toBe("am a");
    expect((await stopAt(["zzz"])).done.stopText).toBeUndefined();
  });

  test("the earliest of several wins", async () => {
    expect((await stopAt(["tiny", "! I", "model"])).text).toBe("Hello");
  });

  test("what only begins like a stop string is not lost", async () => {
    expect((await stopAt(["model. Yes", "am a big"])).text).toBe("Hello! I am a tiny model.");
    expect((await ask("tiny-hello", chatOf("hi", { stop: ["I am tall"], maxTokens: 4 }))).text).toBe("Hello! I am");
  });
});

describe("characters that span tokens", () => {
  test("no event breaks one", async () => {
    const { text, events } = await ask("tiny-nihongo", chatOf("hi"));
    expect(text).toBe(getFixtureModel("tiny-nihongo").answer ?? "");
    for (const event of events) if (event.type === "text") expect(event.text).not.toContain("\uFFFD");
  });

  test("a stop string inside them", async () => {
    expect((await ask("tiny-nihongo", chatOf("hi", { stop: ["小さな"] }))).text).toBe("こんにちは、私は");
  });

  test("an answer cut inside one ends with U+FFFD", async () => {
    const { text } = await ask("tiny-nihongo", chatOf("hi", { maxTokens: 1 }));
    expect(text).toBe("こ\uFFFD");
  });
});

describe("sampling", () => {
  const roll = async (seed: number) =>
    (await ask("tiny-dice", chatOf("roll", { sampling: { temperature: 1.5, topK: 0, topP: 1, seed }, maxTokens: 24 })))
      .text;

  test("same seed, same text; other seeds, other texts", async () => {
    const texts = await Promise.all([1, 2, 3, 4].map(roll));
    expect(await roll(1)).toBe(texts[0] ?? "");
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  test("topK 1 is greedy at any temperature", async () => {
    const greedy = (await ask("tiny-dice", chatOf("roll"))).text;
    expect(greedy.startsWith(" red green blue")).toBe(true);
    expect((await ask("tiny-dice", chatOf("roll", { sampling: { temperature: 100, topK: 1 } }))).text).toBe(greedy);
  });

  test("penalties change a greedy answer", async () => {
    const request = chatOf("go", { maxTokens: 8 });
    const plain = (await ask("tiny-endless", request)).text;
    const penalized = await ask("tiny-endless", { ...request, sampling: { temperature: 0, presencePenalty: 100 } });
    expect(penalized.text).not.toBe(plain);
  });

  test("a grammar and a JSON schema hold", async () => {
    const grammar = 'root ::= "green" | "blue"';
    expect((await ask("tiny-dice", chatOf("x", { sampling: { grammar } }))).text).toMatch(/^(green|blue)$/);
    const jsonSchema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
    for (const request of [
      chatOf("x", { sampling: { temperature: 0, jsonSchema }, maxTokens: 60 }),
      textOf("x", { sampling: { temperature: 0, jsonSchema }, maxTokens: 60 }),
    ]) {
      expect((await ask("tiny-hello", request)).text).toMatch(/^\{\s*"n"\s*:/);
    }
  });

  test("what cannot be used is refused in one line", async () => {
    const refused: GenerationRequest[] = [
      chatOf("x", { sampling: { temperature: -1 } }),
      chatOf("x", { sampling: { repeatPenalty: 0 } }),
      chatOf("x", { sampling: { grammar: "root ::= (" } }),
      chatOf("x", { sampling: { grammar: "%llguidance {}" } }),
      chatOf("x", { sampling: { jsonSchema: { type: "nonsense" } } }),
      chatOf("x", { maxTokens: -5 }),
      textOf(""),
    ];
    for (const request of refused) {
      const error = await failure("tiny-hello", request);
      expect([error.code, error.message.split("\n").length]).toEqual(["invalid_argument", 1]);
    }
    expect((await ask("tiny-hello", chatOf("still here?"))).done.reason).toBe("stop");
  });
});

test("prompt tokens are counted without an answer, however many there are", async () => {
  const runner = await runnerOf("tiny-hello");
  const request = chatOf("Say something");
  const { finished } = await runner.stats();
  expect(await runner.countTokens(request)).toBe((await collect(runner.generate(request))).done.counts.promptTokens);
  expect(await runner.countTokens(textOf("word ".repeat(600)))).toBeGreaterThan(512);
  expect((await runner.stats()).finished).toBe(finished + 1);
});

describe("text prompts", () => {
  test("nothing is rendered and nothing is parsed", async () => {
    const { text, reasoning, done } = await ask("tiny-think", textOf("\n"));
    expect(text).toContain("<think>\nTwo plus two makes four.\n</think>");
    expect(reasoning).toBe("");
    expect(done.counts.promptTokens).toBeLessThan(4);
  });
});

describe("embeddings", () => {
  test("one vector per input, the same for the same text", async () => {
    const runner = await runnerOf("tiny-hello");
    const { vectors, promptTokens } = await runner.embed({ inputs: ["hello", "a much longer text", "hello"] });
    expect(vectors.map(({ length }) => length)).toEqual([256, 256, 256]);
    expect(vectors[0]).toEqual(vectors[2] ?? new Float32Array());
    expect(vectors[0]).not.toEqual(vectors[1] ?? new Float32Array());
    expect(vectors[0]?.some((value) => value !== 0)).toBe(true);
    expect(promptTokens).toBeGreaterThan(3);
  });

  test("an input that is too long names both numbers", async () => {
    const runner = await runnerOf("tiny-hello");
    const inputs = ["ok", "x ".repeat(5000)];
    const error = await runner.embed({ inputs }).catch((thrown) => thrown);
    expect(error.code).toBe("context_overflow");
    expect(error.message).toMatch(/input 1 has \d+ tokens, but the model takes 4096/);
    expect((await runner.embed({ inputs, truncate: true })).vectors).toHaveLength(2);
  });

  test("tokens are embedded as the text that they are", async () => {
    const runner = await runnerOf("tiny-hello");
    const { vectors } = await runner.embed({ inputs: ["Hello", [33]] });
    expect(vectors[1]).toEqual((await runner.embed({ inputs: ["!"] })).vectors[0] ?? new Float32Array());
    await expect(runner.embed({ inputs: [[1, 99_999]] })).rejects.toThrow(
      "input 0 has token 99999, but the model has only",
    );
    await expect(runner.embed({ inputs: [""] })).rejects.toMatchObject({ code: "invalid_argument" });
  });
});
