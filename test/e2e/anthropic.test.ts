/** Anthropic's own client from npm against the compiled executable and real llama.cpp. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { getFixtureModel, weatherTool } from "../../scripts/fixtures/models.ts";
import { createWorld, fronts, type NodeProcess, serveBehind, type World } from "./harness.ts";

describe.each(fronts)("through %s", (front) => {
  let world: World;
  let node: NodeProcess;
  let client: Anthropic;
  const name = (fixture: string) => `llmlb-test/${fixture}-GGUF`;
  const ask = (model: string, content: string, max_tokens = 100) => ({
    model: name(model),
    max_tokens,
    messages: [{ role: "user" as const, content }],
  });
  const { name: toolName, description, parameters } = weatherTool.function;
  const tools = [{ name: toolName, description, input_schema: { ...parameters, required: [...parameters.required] } }];

  beforeAll(async () => {
    world = await createWorld();
    const served = await serveBehind(world, front);
    node = served.node;
    const { address } = served;
    client = new Anthropic({ baseURL: address, apiKey: "none" });
    for (const model of ["tiny-hello", "tiny-think", "tiny-tool", "tiny-endless"])
      expect((await world.llmlb(["node", "pull", name(model)])).exitCode).toBe(0);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("a message, streamed and not, with usage", async () => {
    const whole = await client.messages.create({ ...ask("tiny-hello", "Who are you?"), system: "Be brief." });
    expect(whole).toMatchObject({
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: getFixtureModel("tiny-hello").answer ?? "" }],
      stop_reason: "end_turn",
      usage: { output_tokens: 9 },
    });
    const stream = client.messages.stream(ask("tiny-hello", "Who are you?"));
    const pieces: string[] = [];
    stream.on("text", (text) => pieces.push(text));
    const final = await stream.finalMessage();
    expect(pieces.join("")).toBe(getFixtureModel("tiny-hello").answer ?? "");
    expect(final.content).toMatchObject(whole.content);
    expect(final.usage.input_tokens + (final.usage.cache_read_input_tokens ?? 0)).toBeGreaterThan(10);
  });

  test("thinking is a block of its own, also where a budget asks for it", async () => {
    const { answer, reasoning } = getFixtureModel("tiny-think");
    for (const more of [{}, { thinking: { type: "enabled" as const, budget_tokens: 1024 } }]) {
      const { content } = await client.messages.create({ ...ask("tiny-think", "2+2?", 2048), ...more });
      expect(content.map((block) => block.type)).toEqual(["thinking", "text"]);
      expect(content[0]).toMatchObject({ thinking: reasoning ?? "" });
      expect(content[1]).toMatchObject({ text: answer ?? "" });
    }
    const off = await client.messages.create({ ...ask("tiny-think", "2+2?"), thinking: { type: "disabled" } });
    expect(off.content.map((block) => block.type)).toEqual(["text"]);
  });

  test("a tool call, its result, and the answer; a call that is forced", async () => {
    const { toolCall, toolAnswer } = getFixtureModel("tiny-tool");
    const question = ask("tiny-tool", "Weather in Paris?");
    const called = await client.messages.create({ ...question, tools });
    const use = called.content.find((block) => block.type === "tool_use");
    expect([called.stop_reason, use?.name, use?.input]).toEqual(["tool_use", toolCall?.name, toolCall?.arguments]);
    const result = { type: "tool_result" as const, tool_use_id: use?.id ?? "", content: "sunny" };
    const answered = await client.messages.create({
      ...question,
      tools,
      messages: [
        ...question.messages,
        { role: "assistant", content: called.content },
        { role: "user", content: [result] },
      ],
    });
    expect(answered.content).toMatchObject([{ type: "text", text: toolAnswer ?? "" }]);
    const streamed = await client.messages.stream({ ...question, tools, tool_choice: { type: "any" } }).finalMessage();
    expect(streamed.content.find((block) => block.type === "tool_use")?.input).toEqual(toolCall?.arguments ?? {});
  });

  test("limits and stop sequences say why it ended", async () => {
    const cut = await client.messages.create(ask("tiny-endless", "go", 5));
    expect([cut.stop_reason, cut.usage.output_tokens]).toEqual(["max_tokens", 5]);
    const stopped = await client.messages.create({ ...ask("tiny-hello", "hi"), stop_sequences: ["am a"] });
    expect(stopped).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "am a" });
    expect(stopped.content).toMatchObject([{ text: "Hello! I " }]);
  });

  test("tokens are counted as a message would use them", async () => {
    const { messages, model } = ask("tiny-hello", "Who are you?");
    const { input_tokens } = await client.messages.countTokens({ model, messages });
    const { usage } = await client.messages.create(ask("tiny-hello", "Who are you?"));
    expect(input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
  });

  test("errors are the SDK's own classes, before and inside a stream", async () => {
    await expect(async () => await client.messages.create(ask("nothing", "hi"))).toThrow(Anthropic.NotFoundError);
    const wrong = { ...ask("tiny-hello", "hi"), temperature: -1 };
    await expect(async () => await client.messages.create(wrong)).toThrow(Anthropic.BadRequestError);
    const noLimit = { model: name("tiny-hello"), messages: [{ role: "user", content: "x" }] };
    const response = await fetch(`${world.env.LLMLB_HOST}/v1/messages`, {
      method: "POST",
      body: JSON.stringify(noLimit),
    });
    expect([response.status, await response.json()]).toEqual([
      400,
      { type: "error", error: { type: "invalid_request_error", message: expect.stringContaining('"max_tokens"') } },
    ]);
    const stream = client.messages.stream(ask("tiny-endless", "go", 1_000_000));
    let pids: number[] = [];
    stream.once("text", async () => {
      const report = (await (await fetch(`${node.address}/api/node`)).json()) as { models: { pid: number }[] };
      pids = report.models.map(({ pid }) => pid);
      for (const pid of pids) process.kill(pid, "SIGKILL");
    });
    const fault = await stream.finalMessage().catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(Anthropic.APIError);
    expect(String(fault)).toContain("runner process was ended by SIGKILL");
    expect(pids.length).toBeGreaterThan(0);
  });
});
