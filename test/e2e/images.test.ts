/** Pictures through the clients from npm, against the compiled executable. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { ollamaFolder } from "../fakes/ollama-folder.ts";
import { projectorFile } from "../fakes/projector-file.ts";
import { createWorld, type NodeProcess, type World } from "./harness.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const base64 = png.toString("base64");
const dataUrl = `data:image/png;base64,${base64}`;
const reader = "ollama:reader";
/** It has a projector by its header, which is all that is looked at before a picture has been. */
const seer = "ollama:seer";

let world: World;
let node: NodeProcess;
let ollama: Ollama;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  world = await createWorld();
  const folder = ollamaFolder(join(world.dir, "ollama"));
  const model = buildModel("tiny-hello", "Q8_0");
  const add = (name: string, layers: [string, Uint8Array][]) =>
    folder.add({ path: `registry.ollama.ai/library/${name}/latest`, config: { model_format: "gguf" }, layers });
  add("reader", [["model", model]]);
  add("seer", [
    ["model", model],
    ["projector", projectorFile({ vision: true })],
  ]);
  node = await world.serve({ OLLAMA_MODELS: folder.root });
  ollama = new Ollama({ host: node.address });
  openai = new OpenAI({ baseURL: `${node.address}/v1`, apiKey: "none", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: node.address, apiKey: "none", maxRetries: 0 });
});
afterAll(() => world[Symbol.asyncDispose]());

const text = { type: "text" as const, text: "What is this?" };
const openAiMessages = (url: string) => [
  { role: "user" as const, content: [text, { type: "image_url" as const, image_url: { url } }] },
];
const anthropicRequest = (model: string) => {
  const source = { type: "base64" as const, media_type: "image/png" as const, data: base64 };
  return {
    model,
    max_tokens: 5,
    messages: [{ role: "user" as const, content: [{ type: "image" as const, source }, text] }],
  };
};

test("a model that does not see says so to every client, streamed and not", async () => {
  const message = expect.stringContaining(`"${reader}" does not support images`);
  const quoted = expect.stringContaining("does not support images"); // Anthropic's client shows the body as JSON
  const messages = [{ role: "user", content: "What is this?", images: [new Uint8Array(png)] }];
  const refused = { message };
  await expect(ollama.chat({ model: reader, messages })).rejects.toMatchObject({ ...refused, status_code: 400 });
  await expect(ollama.chat({ model: reader, messages, stream: true })).rejects.toMatchObject(refused);
  await expect(ollama.generate({ model: reader, prompt: "?", images: [base64] })).rejects.toMatchObject(refused);
  for (const stream of [false, true]) {
    const asked = openai.chat.completions.create({ model: reader, messages: openAiMessages(dataUrl), stream });
    await expect(Promise.resolve(asked)).rejects.toMatchObject({
      ...refused,
      status: 400,
      type: "invalid_request_error",
    });
    const input = [
      {
        role: "user" as const,
        content: [{ type: "input_image" as const, image_url: dataUrl, detail: "auto" as const }],
      },
    ];
    const responded = openai.responses.create({ model: reader, input, stream });
    await expect(Promise.resolve(responded)).rejects.toMatchObject({ ...refused, status: 400 });
    const said = anthropic.messages.create({ ...anthropicRequest(reader), stream });
    await expect(Promise.resolve(said)).rejects.toMatchObject({ status: 400, message: quoted });
  }
  const counted = anthropic.messages.countTokens({ model: reader, messages: anthropicRequest(reader).messages });
  await expect(Promise.resolve(counted)).rejects.toMatchObject({ status: 400, message: quoted });
  const sound = {
    type: "input_audio" as const,
    input_audio: { data: "UklGRgAAAABXQVZFZm10IA==", format: "wav" as const },
  };
  const heard = openai.chat.completions.create({ model: reader, messages: [{ role: "user", content: [sound] }] });
  await expect(Promise.resolve(heard)).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining(`"${reader}" does not support audio`),
  });
});

test("pictures that are none are refused before anything is loaded, and addresses are not asked", async () => {
  const webp = Buffer.from("UklGRhAAAABXRUJQVlA4TAQAAAAvAAAA", "base64");
  for (const [file, message] of [
    [webp, "is a damaged WebP file"],
    [Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"), /HEIC/],
    [Buffer.from("hello"), "is of no known kind"],
  ] as const) {
    const messages = [{ role: "user", content: "?", images: [file.toString("base64")] }];
    await expect(ollama.chat({ model: seer, messages })).rejects.toThrow(message);
  }
  const named = openai.chat.completions.create({ model: seer, messages: openAiMessages("http://127.0.0.1:1/cat.png") });
  await expect(Promise.resolve(named)).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("LLMLB_ALLOW_IMAGE_URLS"),
  });
  expect((await ollama.ps()).models).toEqual([]);
});

test("show tells of the projector", async () => {
  const shown = await world.llmlb(["node", "show", seer], { env: { LLMLB_HOST: node.address } });
  expect(shown.stdout).toContain("  Capabilities\n    completion\n    vision\n");
  expect(shown.stdout).toContain("  Projector\n    architecture        clip\n    parameters          64\n");
});

test("run takes a path for a text where the model does not see, and else says what is wrong with the file", async () => {
  writeFileSync(join(world.dir, "text.png"), "hello");
  const options = { env: { LLMLB_HOST: node.address } };
  const run = (model: string, prompt: string) => world.llmlb(["node", "run", model, prompt], options);
  expect(await run(reader, "./none.png who are you?")).toMatchObject({
    stdout: "Hello! I am a tiny model.\n",
    exitCode: 0,
  });
  expect(await run(seer, "./none.png who are you?")).toMatchObject({
    stderr: "Error: cannot add './none.png': there is no such file\n",
    exitCode: 1,
  });
  expect((await run(seer, "./text.png who are you?")).stderr).toStartWith(
    "Error: cannot add './text.png': it is no picture",
  );
});
