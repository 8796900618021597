import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { getFixtureModel, weatherTool } from "../../scripts/fixtures/models.ts";
import { collect } from "../fakes/streams.ts";
import { createWorld, fronts, serveBehind, type World } from "./harness.ts";

describe.each(fronts)("through %s", (front) => {
  /** The real clients from npm against the compiled executable and real llama.cpp. */
  let world: World;
  let ollama: Ollama;
  let openai: OpenAI;
  const name = (fixture: string) => `llmlb-test/${fixture}-GGUF`;
  const ask = (content: string) => [{ role: "user" as const, content }];

  beforeAll(async () => {
    world = await createWorld();
    const { address } = await serveBehind(world, front);
    ollama = new Ollama({ host: address });
    openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none" });
    for (const model of [
      "tiny-hello",
      "tiny-think",
      "tiny-tool",
      "tiny-endless",
      "tiny-nihongo",
      "tiny-plain",
      "tiny-dice",
    ]) {
      expect((await world.llmlb(["node", "pull", name(model)])).exitCode).toBe(0);
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("ollama: version, list, show, ps", async () => {
    expect((await ollama.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await ollama.list()).models.map((model) => model.name)).toContain(name("tiny-hello"));
    const shown = await ollama.show({ model: name("tiny-think") });
    expect(shown.capabilities).toContain("thinking");
    await ollama.generate({ model: name("tiny-hello"), prompt: "" });
    expect((await ollama.ps()).models.map((model) => model.name)).toContain(name("tiny-hello"));
  });

  test("ollama: chat, streamed and not, with statistics", async () => {
    const whole = await ollama.chat({ model: name("tiny-hello"), messages: ask("hi") });
    expect(whole.message.content).toBe(getFixtureModel("tiny-hello").answer ?? "");
    expect([whole.done_reason, whole.eval_count > 0, whole.prompt_eval_count > 0, whole.eval_duration > 0]).toEqual([
      "stop",
      true,
      true,
      true,
    ]);
    const parts = await collect(await ollama.chat({ model: name("tiny-hello"), messages: ask("hi"), stream: true }));
    expect(parts.map((part) => part.message.content).join("")).toBe(whole.message.content);
  });

  test("ollama: log probabilities, whose tokens spell the answer", async () => {
    const ask = { model: name("tiny-hello"), prompt: "hi", logprobs: true, top_logprobs: 2 } as const;
    const { response, logprobs } = await ollama.generate(ask);
    expect(logprobs?.map(({ token }) => token).join("")).toBe(response);
    expect(logprobs?.every(({ logprob, top_logprobs }) => logprob <= 0 && top_logprobs?.length === 2)).toBe(true);
  });

  test("openai: responses, gone on with, with a tool, streamed", async () => {
    const first = await openai.responses.create({ model: name("tiny-hello"), input: "Who are you?" });
    expect([first.output_text, first.status]).toEqual([getFixtureModel("tiny-hello").answer ?? "", "completed"]);
    const second = await openai.responses.create({
      model: name("tiny-hello"),
      input: "And?",
      previous_response_id: first.id,
    });
    // The whole conversation was its prompt, and most of it was known.
    expect(second.usage?.input_tokens).toBeGreaterThan((first.usage?.input_tokens ?? 0) + 9);
    expect(second.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(20);
    expect((await openai.responses.retrieve(first.id)).output_text).toBe(first.output_text);
    await openai.responses.delete(first.id);
    const gone = await openai.responses.retrieve(first.id).catch((error: unknown) => error);
    expect(gone).toBeInstanceOf(OpenAI.NotFoundError);
    const model = name("tiny-tool");
    const { name: toolName, parameters } = weatherTool.function;
    const tools = [{ type: "function" as const, name: toolName, parameters: { ...parameters }, strict: false }];
    const called = await openai.responses.create({ model, input: "Weather in Paris?", tools });
    const call = called.output.find((item) => item.type === "function_call");
    expect(JSON.parse(call?.arguments ?? "")).toEqual(getFixtureModel("tiny-tool").toolCall?.arguments);
    const output = { type: "function_call_output" as const, call_id: call?.call_id ?? "", output: "sunny" };
    const stream = openai.responses.stream({ model, input: [output], previous_response_id: called.id, tools });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => {
      text += delta;
    });
    expect((await stream.finalResponse()).output_text).toBe(getFixtureModel("tiny-tool").toolAnswer ?? "");
    expect(text).toBe(getFixtureModel("tiny-tool").toolAnswer ?? "");
  });

  test("openai: one model by its name, completions of several prompts, several choices", async () => {
    expect((await openai.models.retrieve(name("tiny-plain"))).id).toBe(name("tiny-plain"));
    await expect(openai.models.retrieve("llmlb-test/nothing").then(String)).rejects.toThrow(OpenAI.NotFoundError);
    const model = name("tiny-plain");
    const text = await openai.completions.create({ model, prompt: [" once", " upon"], temperature: 0, max_tokens: 3 });
    expect(text.choices.map((choice) => choice.text)).toEqual([" upon a time", " a time there"]);
    const pieces = await collect(
      await openai.completions.create({ model, prompt: " once", temperature: 0, stream: true }),
    );
    expect(pieces.map(({ choices }) => choices[0]?.text).join("")).toBe(" upon a time there was no template.");
    const dice = await openai.chat.completions.create({
      model: name("tiny-dice"),
      messages: ask("roll"),
      n: 4,
      seed: 3,
      temperature: 1.5,
      max_tokens: 12,
    });
    expect(dice.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(new Set(dice.choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    expect(dice.usage?.completion_tokens).toBeGreaterThan(20);
  });

  test("openai: log probabilities, and a token that is banned", async () => {
    const ask = { model: name("tiny-dice"), messages: [{ role: "user" as const, content: "roll" }], temperature: 0 };
    const told = await openai.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 3, max_tokens: 5 });
    const { message, logprobs } = told.choices[0] ?? {};
    expect(logprobs?.content?.map(({ token }) => token).join("")).toBe(message?.content ?? "");
    expect(logprobs?.content?.[0]?.top_logprobs.map(({ token }) => token)[0]).toBe(" red");
    const red = 258; // the first word of the fixture's own
    const banned = await openai.chat.completions.create({ ...ask, max_tokens: 5, logit_bias: { [red]: -100 } });
    expect(message?.content).toStartWith(" red");
    expect(banned.choices[0]?.message.content).not.toContain("red");
    const refusal = await openai.chat.completions.create({ ...ask, logit_bias: { "99999999": 1 } }).catch(String);
    expect(refusal).toMatch(/logit_bias names token 99999999, but the model has only \d+/);
  });

  const lengthOf = (vector: number[] = []) => Math.hypot(...vector);

  test("ollama: embeddings of one text and of many, and the older endpoint", async () => {
    const model = name("tiny-hello");
    const { embeddings, prompt_eval_count } = await ollama.embed({ model, input: ["hello", "a longer text", "hello"] });
    expect(embeddings.map(({ length }) => length)).toEqual([256, 256, 256]);
    expect(embeddings[0]).toEqual(embeddings[2] ?? []);
    for (const vector of embeddings) expect(lengthOf(vector)).toBeCloseTo(1, 5);
    expect(prompt_eval_count).toBeGreaterThan(5);
    const short = await ollama.embed({ model, input: "hello", dimensions: 8 });
    expect(short.embeddings[0]).toHaveLength(8);
    expect(lengthOf(short.embeddings[0])).toBeCloseTo(1, 5);
    const { embedding } = await ollama.embeddings({ model, prompt: "hello" });
    const scale = lengthOf(embedding);
    for (const [at, value] of embedding.entries())
      expect(value / scale).toBeCloseTo(embeddings[0]?.[at] ?? Number.NaN, 5);
    const long = "x ".repeat(5000);
    expect((await ollama.embed({ model, input: long })).embeddings).toHaveLength(1);
    await expect(ollama.embed({ model, input: long, truncate: false })).rejects.toThrow("but the model takes 4096");
  });

  test("openai: embeddings as floats, as base64, and of tokens", async () => {
    const model = name("tiny-hello");
    // The SDK asks for base64 by itself and decodes it.
    const byDefault = await openai.embeddings.create({ model, input: ["hello", "!"] });
    const floats = await openai.embeddings.create({ model, input: ["hello", "!"], encoding_format: "float" });
    expect(byDefault.data.map(({ index }) => index)).toEqual([0, 1]);
    for (const [at, value] of (byDefault.data[0]?.embedding ?? []).entries())
      expect(value).toBeCloseTo(floats.data[0]?.embedding[at] ?? Number.NaN, 5);
    const tokens = await openai.embeddings.create({ model, input: [33], encoding_format: "float", dimensions: 16 });
    expect(lengthOf(tokens.data[0]?.embedding)).toBeCloseTo(1, 5);
    expect(tokens.usage).toEqual({ prompt_tokens: 1, total_tokens: 1 });
    const refused = await openai.embeddings.create({ model, input: [] }).catch(String);
    expect(refused).toContain("input is empty");
  });

  test("ollama: Japanese characters that span tokens arrive whole", async () => {
    const parts = await collect(await ollama.chat({ model: name("tiny-nihongo"), messages: ask("hi"), stream: true }));
    expect(parts.map((part) => part.message.content).join("")).toBe(getFixtureModel("tiny-nihongo").answer ?? "");
    for (const part of parts) expect(part.message.content).not.toContain("\ufffd");
  });

  test("ollama: thinking apart from the answer, and off", async () => {
    const { answer, reasoning } = getFixtureModel("tiny-think");
    const on = await ollama.chat({ model: name("tiny-think"), messages: ask("2+2?"), think: true });
    expect([on.message.thinking?.trim(), on.message.content.trim()]).toEqual([reasoning?.trim() ?? "", answer ?? ""]);
    const off = await ollama.chat({ model: name("tiny-think"), messages: ask("2+2?"), think: false });
    expect([off.message.thinking, off.message.content.trim()]).toEqual([undefined, answer ?? ""]);
    await expect(ollama.chat({ model: name("tiny-hello"), messages: ask("hi"), think: true })).rejects.toThrow(
      "does not support thinking",
    );
  });

  test("ollama: a tool call, its result, and the answer", async () => {
    const model = name("tiny-tool");
    const { toolCall, toolAnswer } = getFixtureModel("tiny-tool");
    const tools = [weatherTool] as unknown as Parameters<typeof ollama.chat>[0]["tools"] & object;
    const called = await ollama.chat({ model, messages: ask("weather?"), tools });
    expect(called.message.tool_calls?.[0]?.function).toMatchObject(toolCall ?? {});
    const messages = [...ask("weather?"), called.message, { role: "tool", content: "sunny", tool_name: "get_weather" }];
    expect((await ollama.chat({ model, messages, tools })).message.content).toBe(toolAnswer ?? "");
  });

  test("ollama: generate, raw, stop strings, num_predict", async () => {
    const model = name("tiny-hello");
    expect((await ollama.generate({ model, prompt: "hi" })).response).toBe("Hello! I am a tiny model.");
    const stopped = await ollama.generate({ model, prompt: "hi", options: { stop: ["a ti"] } });
    expect([stopped.response, stopped.done_reason]).toEqual(["Hello! I am ", "stop"]);
    const short = await ollama.generate({ model, prompt: "hi", options: { num_predict: 2 } });
    expect([short.done_reason, short.eval_count]).toEqual(["length", 2]);
    const raw = await ollama.generate({ model: name("tiny-plain"), prompt: "Well,", raw: true });
    expect(raw.response?.length).toBeGreaterThan(0);
  });

  test("ollama: abort ends an endless answer", async () => {
    const stream = await ollama.chat({ model: name("tiny-endless"), messages: ask("go"), stream: true });
    const reading = (async () => {
      for await (const _ of stream) stream.abort();
    })();
    await expect(reading).rejects.toThrow();
    expect((await ollama.chat({ model: name("tiny-hello"), messages: ask("hi") })).done).toBe(true);
  });

  test("ollama: pull with progress, delete, and errors", async () => {
    const model = `${name("tiny-hello")}:F16`;
    const progress = await collect(await ollama.pull({ model, stream: true }));
    expect(progress.at(-1)?.status).toBe("success");
    await ollama.delete({ model });
    await expect(ollama.show({ model })).rejects.toThrow("not found");
    await expect(ollama.chat({ model: "no/such", messages: ask("hi") })).rejects.toThrow('model "no/such" not found');
  });

  test("openai: models, and a chat streamed and not with usage", async () => {
    expect((await openai.models.list()).data.map((model) => model.id)).toContain(name("tiny-hello"));
    const model = name("tiny-hello");
    const whole = await openai.chat.completions.create({ model, messages: ask("hi") });
    expect(whole.choices[0]?.message.content).toBe("Hello! I am a tiny model.");
    expect(whole.usage?.total_tokens).toBe((whole.usage?.prompt_tokens ?? 0) + (whole.usage?.completion_tokens ?? 0));
    const stream = await openai.chat.completions.create({
      model,
      messages: ask("hi"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Hello! I am a tiny model.");
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(whole.usage?.completion_tokens ?? 0);
  });

  test("openai: tools, max tokens, stop, and errors of the SDK's own classes", async () => {
    const model = name("tiny-tool");
    const called = await openai.chat.completions.create({
      model,
      messages: ask("weather?"),
      tools: [weatherTool as never],
    });
    const call = called.choices[0]?.message.tool_calls?.[0];
    expect([
      called.choices[0]?.finish_reason,
      call?.type === "function" && JSON.parse(call.function.arguments),
    ]).toEqual(["tool_calls", { city: "Paris" }]);
    const short = await openai.chat.completions.create({
      model: name("tiny-endless"),
      messages: ask("go"),
      max_completion_tokens: 5,
    });
    expect([short.choices[0]?.finish_reason, short.usage?.completion_tokens]).toEqual(["length", 5]);
    const absent = async () => await openai.chat.completions.create({ model: "no/such", messages: ask("hi") });
    await expect(absent()).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  test("the same seed gives the same text, another seed another", async () => {
    const roll = async (seed: number) =>
      (
        await ollama.generate({
          model: name("tiny-dice"),
          prompt: "roll",
          options: { seed, temperature: 1, top_k: 0, top_p: 1, num_predict: 40 },
        })
      ).response;
    const first = await roll(7);
    expect(await roll(7)).toBe(first);
    const others = await Promise.all([8, 9, 10].map(roll));
    expect(others.some((text) => text !== first)).toBe(true);
  });

  test("a schema constrains the answer", async () => {
    const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
    const { message } = await ollama.chat({
      model: name("tiny-dice"),
      messages: ask("go"),
      format: schema,
      options: { num_predict: 60, seed: 1 },
    });
    expect(message.content.trimStart().startsWith("{")).toBe(true);
  });
});
