import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { loadConfig } from "../../src/config/config.ts";
import { silentLog } from "../../src/core/log.ts";
import { findMediaFormat } from "../../src/core/media-file.ts";
import { mediaParts } from "../../src/core/media-parts.ts";
import { type RunningNode, startNode } from "../../src/node/start.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { type FakeRunner, fakeRunner } from "../fakes/fake-runner.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { ollamaFolder } from "../fakes/ollama-folder.ts";
import { projectorFile } from "../fakes/projector-file.ts";

const dot = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const png = await new Bun.Image(dot).resize(8, 8).png().bytes();
const webp = await new Bun.Image(png).webp({ lossless: true }).bytes();
const wav = Buffer.from("RIFF\0\0\0\0WAVEfmt ", "latin1");
const base64 = Buffer.from(png).toString("base64");
const dataUrl = `data:image/png;base64,${base64}`;
const webUrl = "https://example.com/cat.png";

let dir: string;
let node: RunningNode;
let urlNode: RunningNode;
let runners: FakeRunner[] = [];
let fetched: string[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-media-"));
  const folder = ollamaFolder(join(dir, "ollama"));
  const model = buildModel("tiny-hello", "Q8_0");
  const add = (name: string, ...projector: Uint8Array[]) =>
    folder.add({
      path: `registry.ollama.ai/library/${name}/latest`,
      config: { model_format: "gguf" },
      layers: [["model", model], ...projector.map((file): [string, Uint8Array] => ["projector", file])],
    });
  add("seer", projectorFile({ vision: true }));
  add("listener", projectorFile({ vision: false, audio: true }));
  add("reader");
  add("broken", new Uint8Array(100));
  const start = (env: Record<string, string>) =>
    startNode({
      config: loadConfig({ HOME: dir, OLLAMA_MODELS: folder.root, ...env }, { port: "0" }),
      log: silentLog,
      clock: manualClock(),
      fetchImage: async (url) => {
        fetched.push(url);
        return png;
      },
      machine: fakeMachine(() => {
        const runner = fakeRunner({ capabilities: { vision: true } });
        runners.push(runner);
        return runner;
      }),
    });
  node = start({});
  urlNode = start({ LLMLB_ALLOW_IMAGE_URLS: "1" });
});

beforeEach(() => {
  runners = [];
  fetched = [];
});

afterAll(async () => {
  await Promise.all([node.stop(0), urlNode.stop(0)]);
  rmSync(dir, { recursive: true, force: true });
});

const post = async (path: string, body: Record<string, unknown>, to = node) => {
  const response = await fetch(`http://127.0.0.1:${to.address.port}${path}`, {
    method: "POST",
    body: JSON.stringify({ stream: false, ...body }),
  });
  return { status: response.status, body: await response.json() };
};
const load = async (model: string, to = node) => {
  await post("/api/generate", { model, keep_alive: 0 }, to);
  await post("/api/generate", { model }, to);
};
const lastInput = () => runners.at(-1)?.requests.at(-1)?.input;

const ollama = (model: string, images: string[]) => ({ model, messages: [{ role: "user", content: "?", images }] });
const openAi = (model: string, ...content: object[]) => ({ model, messages: [{ role: "user", content }] });
const imageUrl = (url: string) => ({ type: "image_url", image_url: { url } });
const block = (source: object) => ({ type: "image", source });
const own = { type: "base64", media_type: "image/png", data: base64 };

test.each([
  ["/api/chat", ollama("ollama:seer", [base64])],
  ["/api/generate", { model: "ollama:seer", prompt: "?", images: [base64] }],
  ["/api/generate", { model: "ollama:seer", prompt: "?", images: [base64], raw: true }],
  ["/v1/chat/completions", openAi("ollama:seer", imageUrl(dataUrl))],
  [
    "/v1/responses",
    { model: "ollama:seer", input: [{ role: "user", content: [{ type: "input_image", image_url: dataUrl }] }] },
  ],
  ["/v1/messages", { ...openAi("ollama:seer", block(own)), max_tokens: 5 }],
])("%s shows the model a picture", async (path, body) => {
  await load("ollama:seer");
  expect((await post(path, body)).status).toBe(200);
  const input = lastInput();
  expect(input && mediaParts(input)).toEqual([{ type: "image", data: new Uint8Array(png) }]);
});

test("a WebP is a PNG when it reaches the model", async () => {
  await load("ollama:seer");
  await post("/api/chat", ollama("ollama:seer", [Buffer.from(webp).toString("base64")]));
  const input = lastInput();
  const [part] = input ? mediaParts(input) : [];
  expect(part && findMediaFormat(part.data)?.name).toBe("PNG");
});

const noImages = '"ollama:reader" does not support images';

test("a model without a projector refuses before it is loaded, in the dialect's shape", async () => {
  const wrong = (message: string) => ({ error: { message, type: "invalid_request_error" } });
  expect(await post("/api/chat", ollama("ollama:reader", [base64]))).toEqual({
    status: 400,
    body: { error: noImages },
  });
  expect(await post("/api/chat", { ...ollama("ollama:reader", [base64]), stream: true })).toMatchObject({
    status: 400,
  });
  const chat = await post("/v1/chat/completions", openAi("ollama:reader", imageUrl(dataUrl)));
  expect(chat).toMatchObject({ status: 400, body: wrong(noImages) });
  const input = [{ role: "user", content: [{ type: "input_image", image_url: dataUrl }] }];
  expect(await post("/v1/responses", { model: "ollama:reader", input })).toMatchObject({
    status: 400,
    body: wrong(noImages),
  });
  const message = { ...openAi("ollama:reader", block(own)), max_tokens: 5 };
  const anthropic = { status: 400, body: { type: "error", ...wrong(noImages) } };
  expect(await post("/v1/messages", message)).toMatchObject(anthropic);
  expect(await post("/v1/messages/count_tokens", message)).toMatchObject(anthropic);
  const sound = { type: "input_audio", input_audio: { data: wav.toString("base64"), format: "wav" } };
  expect(await post("/v1/chat/completions", openAi("ollama:reader", sound))).toMatchObject({
    status: 400,
    body: wrong('"ollama:reader" does not support audio'),
  });
  expect(runners).toEqual([]);
});

test("what a loaded model cannot take in is refused too", async () => {
  await load("ollama:seer");
  expect(await post("/api/chat", ollama("ollama:seer", [wav.toString("base64")]))).toEqual({
    status: 400,
    body: { error: '"ollama:seer" does not support audio' },
  });
});

test("a picture that is none is the client's fault", async () => {
  const hello = Buffer.from("hello").toString("base64");
  const refused = await post("/api/chat", ollama("ollama:seer", [base64, hello]));
  expect(refused).toEqual({
    status: 400,
    body: { error: "image 2 is of no known kind: PNG, JPEG, GIF, BMP and WebP are taken" },
  });
  expect(await post("/api/chat", ollama("ollama:seer", ["%"]))).toMatchObject({ status: 400 });
});

test("show tells what is in the projector and what it can take in", async () => {
  const seer = await post("/api/show", { model: "ollama:seer" });
  expect(seer.body).toMatchObject({
    capabilities: ["completion", "vision"],
    projector_info: {
      "general.architecture": "clip",
      "general.parameter_count": 64,
      "clip.has_vision_encoder": true,
      "clip.vision.embedding_length": 1152,
    },
  });
  expect((await post("/api/show", { model: "ollama:listener" })).body).toMatchObject({
    capabilities: ["completion", "audio"],
  });
  const { body } = await post("/api/show", { model: "ollama:reader" });
  expect(body).toMatchObject({ capabilities: ["completion"] });
  expect(body).not.toHaveProperty("projector_info");
  expect(await post("/api/show", { model: "ollama:broken" })).toMatchObject({
    status: 500,
    body: { error: expect.stringContaining("the projector of ollama:broken") },
  });
});

const named: [string, object][] = [
  ["/v1/chat/completions", openAi("ollama:seer", { type: "text", text: "?" }, imageUrl(webUrl), imageUrl(webUrl))],
  [
    "/v1/responses",
    { model: "ollama:seer", input: [{ role: "user", content: [{ type: "input_image", image_url: webUrl }] }] },
  ],
  ["/v1/messages", { ...openAi("ollama:seer", block({ type: "url", url: webUrl })), max_tokens: 5 }],
];

test.each(named)("%s: a picture's address is not asked unless that is allowed", async (path, body) => {
  const refused = await post(path, { ...body });
  expect(refused).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringContaining("LLMLB_ALLOW_IMAGE_URLS=1") } },
  });
  expect(fetched).toEqual([]);
  await load("ollama:seer", urlNode);
  expect((await post(path, { ...body }, urlNode)).status).toBe(200);
  expect(fetched).toEqual([webUrl]);
  const input = lastInput();
  for (const part of input ? mediaParts(input) : []) expect(part.data).toEqual(new Uint8Array(png));
});

test("a request may not name any number of addresses", async () => {
  const urls = Array.from({ length: 17 }, (_, number) => imageUrl(`${webUrl}?${number}`));
  expect(await post("/v1/chat/completions", openAi("ollama:seer", ...urls), urlNode)).toMatchObject({
    status: 400,
    body: { error: { message: "at most 16 image URLs are fetched" } },
  });
  expect(fetched).toEqual([]);
});

test("a response that showed a picture can be gone on with", async () => {
  await load("ollama:seer");
  const input = [{ role: "user", content: [{ type: "input_image", image_url: dataUrl }] }];
  const first = await post("/v1/responses", { model: "ollama:seer", input });
  const more = { model: "ollama:seer", input: "And now?", previous_response_id: (first.body as { id: string }).id };
  expect((await post("/v1/responses", more)).status).toBe(200);
  const seen = lastInput();
  const messages = seen?.kind === "chat" ? seen.messages : [];
  expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  expect(seen && mediaParts(seen)).toEqual([{ type: "image", data: new Uint8Array(png) }]);
});

test("a body of some tens of megabytes passes", async () => {
  await load("ollama:seer");
  const large = Buffer.concat([png, Buffer.alloc(20e6)]).toString("base64");
  expect((await post("/api/chat", ollama("ollama:seer", [large, large]))).status).toBe(200);
});
