/** Models that see and hear, through the clients from npm, against the compiled executable. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { pictureFile } from "../../scripts/fixtures/pictures.ts";
import { soundFile } from "../../scripts/fixtures/sounds.ts";
import type { NodeReport } from "../../src/api/node.ts";
import { collect } from "../fakes/streams.ts";
import { createWorld, fronts, type NodeProcess, serveBehind, type World } from "./harness.ts";

const colours = ["red", "green", "blue"];
const base64 = (colour: string) => Buffer.from(pictureFile(colour)).toString("base64");
const dataUrl = (colour: string) => `data:image/png;base64,${base64(colour)}`;
const question = "What colours do you see?";
const seer = "llmlb-test/tiny-vision-GGUF";
const gemma = "llmlb-test/tiny-vision-gemma3-GGUF";
const hearer = "llmlb-test/tiny-audio-GGUF";

describe.each(fronts)("through %s", (front) => {
  let world: World;
  let node: NodeProcess;
  let ollama: Ollama;
  let openai: OpenAI;
  let anthropic: Anthropic;

  beforeAll(async () => {
    world = await createWorld();
    const served = await serveBehind(world, front);
    node = served.node;
    const { address } = served;
    ollama = new Ollama({ host: address });
    openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0 });
    anthropic = new Anthropic({ baseURL: address, apiKey: "none", maxRetries: 0 });
    for (const model of [seer, gemma, hearer]) expect((await world.llmlb(["node", "pull", model])).exitCode).toBe(0);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each([seer, gemma])("%s names the colour of a picture to ollama's client", async (model) => {
    for (const colour of colours) {
      const messages = [{ role: "user", content: question, images: [pictureFile(colour)] }];
      expect((await ollama.chat({ model, messages })).message.content).toBe(colour);
      const records = await collect(await ollama.chat({ model, messages, stream: true }));
      expect(records.map(({ message }) => message.content).join("")).toBe(colour);
      const generated = await ollama.generate({ model, prompt: question, images: [base64(colour)] });
      expect([generated.response, generated.context]).toEqual([colour, undefined]); // no token stands for a picture
    }
  });

  test.each([seer, gemma])(
    "%s names the colour of a picture to openai's client, in both of its APIs",
    async (model) => {
      for (const colour of colours) {
        const image = { type: "image_url" as const, image_url: { url: dataUrl(colour) } };
        const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: question }, image] }];
        const whole = await openai.chat.completions.create({ model, messages });
        expect(whole.choices[0]?.message.content).toBe(colour);
        const chunks = await collect(await openai.chat.completions.create({ model, messages, stream: true }));
        expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(colour);
        const content = [
          { type: "input_text" as const, text: question },
          { type: "input_image" as const, image_url: dataUrl(colour), detail: "auto" as const },
        ];
        const response = await openai.responses.create({ model, input: [{ role: "user", content }] });
        expect(response.output_text).toBe(colour);
        const next = await openai.responses.create({ model, previous_response_id: response.id, input: question });
        expect(next.output_text).toBe(colour); // the picture is still before its eyes
      }
    },
  );

  test.each([seer, gemma])("%s names the colour of a picture to anthropic's client", async (model) => {
    for (const colour of colours) {
      const source = { type: "base64" as const, media_type: "image/png" as const, data: base64(colour) };
      const content = [
        { type: "image" as const, source },
        { type: "text" as const, text: question },
      ];
      const request = { model, max_tokens: 20, messages: [{ role: "user" as const, content }] };
      const message = await anthropic.messages.create(request);
      expect(message.content).toMatchObject([{ type: "text", text: colour }]);
      expect(await anthropic.messages.stream(request).finalText()).toBe(colour);
      const { input_tokens } = await anthropic.messages.countTokens({ model, messages: request.messages });
      expect(input_tokens).toBe(message.usage.input_tokens + (message.usage.cache_read_input_tokens ?? 0));
    }
  });

  test("several pictures in one message, and in different turns, keep their order", async () => {
    const both = [{ role: "user", content: question, images: [base64("red"), base64("blue")] }];
    expect((await ollama.chat({ model: seer, messages: both })).message.content).toBe("red and blue");
    const turns = [
      { role: "user", content: question, images: [base64("blue")] },
      { role: "assistant", content: "blue" },
      { role: "user", content: "And now?", images: [base64("green")] },
    ];
    expect((await ollama.chat({ model: seer, messages: turns })).message.content).toBe("blue and green");
  });

  test("a second question about a picture evaluates and encodes nothing of it again", async () => {
    const content = (text: string) => [
      { type: "image_url" as const, image_url: { url: dataUrl("noisy blue") } },
      { type: "text" as const, text },
    ];
    const ask = (text: string) =>
      openai.chat.completions.create({ model: seer, messages: [{ role: "user", content: content(text) }] });
    const before = await mediaEncoded();
    await ask("What do you see?");
    const second = await ask("Is it blue?");
    expect(await mediaEncoded()).toBe(before + 1);
    const cached = second.usage?.prompt_tokens_details?.cached_tokens ?? 0;
    expect(cached).toBeGreaterThan(16); // the picture takes 16
  });

  /** A runner tells its counts when its work ends, right after the answer: those of earlier answers are there after one more. */
  const mediaEncoded = async (): Promise<number> => {
    await ollama.chat({ model: seer, messages: [{ role: "user", content: "Hello" }] });
    const report = (await (await fetch(`${node.address}/api/node`)).json()) as NodeReport;
    return report.models.find(({ name }) => name === seer)?.media_encoded ?? Number.NaN;
  };

  test("a model that hears is given a sound, and tells two apart", async () => {
    const ask = async (sound: string) => {
      const data = Buffer.from(soundFile(sound)).toString("base64");
      const audio = { type: "input_audio" as const, input_audio: { data, format: "wav" as const } };
      const messages = [{ role: "user" as const, content: [audio, { type: "text" as const, text: "What is it?" }] }];
      const answer = await openai.chat.completions.create({ model: hearer, messages, temperature: 0, max_tokens: 16 });
      return answer.choices[0]?.message.content;
    };
    const [low, high] = [await ask("low tone"), await ask("high tone")];
    expect(low).not.toBe(high);
    expect(await ask("low tone")).toBe(low);
  });

  test("run shows the files that its prompt names, whatever their names", async () => {
    for (const [name, colour] of [
      ["my red.png", "red"],
      ["青い.png", "blue"],
    ] as const)
      writeFileSync(join(world.dir, name), pictureFile(colour));
    const ran = await world.llmlb(["node", "run", seer, "compare './my red.png' with ./青い.png"]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: "red and blue\n" });
    expect(ran.stderr).toContain("Added image './my red.png'\nAdded image './青い.png'\n");
  });

  test("one broken picture among many requests costs only its own", async () => {
    const broken = Buffer.from(pictureFile("noisy grey")).subarray(0, 60).toString("base64");
    const ask = (image: string) =>
      ollama.chat({ model: seer, messages: [{ role: "user", content: question, images: [image] }] }).then(
        ({ message }) => message.content,
        (error: Error) => error.message,
      );
    const answers = await Promise.all(["red", "", "green", "", "blue"].map((one) => ask(one ? base64(one) : broken)));
    expect([answers[0], answers[2], answers[4]]).toEqual(["red", "green", "blue"]);
    expect([answers[1], answers[3]]).toEqual([expect.stringContaining("damaged"), expect.stringContaining("damaged")]);
  });
});
