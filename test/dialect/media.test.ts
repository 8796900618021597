import { expect, test } from "bun:test";
import type { AnthropicInputBlock } from "../../src/api/anthropic.ts";
import type { OpenAiContentPart } from "../../src/api/openai.ts";
import type { ResponsesContentPart, ResponsesInputItem } from "../../src/api/openai-responses.ts";
import type { GenerationRequest } from "../../src/core/generation.ts";
import { fromAnthropicCount, fromAnthropicMessages } from "../../src/dialect/anthropic-request.ts";
import type { ImageByUrl } from "../../src/dialect/media.ts";
import { fromOllamaChat, fromOllamaGenerate } from "../../src/dialect/ollama-request.ts";
import { fromOpenAiChat } from "../../src/dialect/openai-chat.ts";
import { inputMessages } from "../../src/dialect/responses-request.ts";

const png = Buffer.from("\x89PNG\r\n\x1a\nthe rest", "latin1");
const wav = Buffer.from("RIFF\0\0\0\0WAVEfmt ", "latin1");
const base64 = png.toString("base64");
const dataUrl = `data:image/png;base64,${base64}`;
const image = { type: "image", data: new Uint8Array(png) };
const audio = { type: "audio", data: new Uint8Array(wav) };
const text = (text: string) => ({ type: "text", text });
const webUrl = "https://example.com/cat.png";
const fetched: ImageByUrl = (url) => {
  if (url !== webUrl) throw new Error(`not ${url}`);
  return new Uint8Array(png);
};
const messagesOf = ({ input }: GenerationRequest) => (input.kind === "chat" ? input.messages : []);

const ollama = (message: { images?: string[] | null; content?: string }) =>
  messagesOf(fromOllamaChat({ model: "m", messages: [{ role: "user", content: "", ...message }] }))[0]?.content;
const openAi = (content: OpenAiContentPart[], byUrl?: ImageByUrl) =>
  messagesOf(fromOpenAiChat({ model: "m", messages: [{ role: "user", content }] }, byUrl))[0]?.content;
const responses = (content: ResponsesContentPart[], byUrl?: ImageByUrl) =>
  inputMessages([{ role: "user", content }], byUrl)[0]?.content;
const anthropic = (content: AnthropicInputBlock[], byUrl?: ImageByUrl) =>
  messagesOf(fromAnthropicCount({ model: "m", messages: [{ role: "user", content }] }, byUrl)).map(
    (one) => one.content,
  );

test("Ollama: images come before the text of their message, sounds are told by their bytes", () => {
  expect(ollama({ images: [base64], content: "what?" })).toEqual([image, text("what?")] as never);
  expect(ollama({ images: [base64, wav.toString("base64")] })).toEqual([image, audio] as never);
  expect(ollama({ images: [], content: "hi" })).toBe("hi");
  expect(ollama({ images: null, content: "hi" })).toBe("hi");
});

test("Ollama: a tool's message may show something", () => {
  const [, result] = messagesOf(
    fromOllamaChat({
      model: "m",
      messages: [
        { role: "assistant", content: "", tool_calls: [{ function: { name: "look", arguments: {} } }] },
        { role: "tool", tool_name: "look", content: "seen", images: [base64] },
      ],
    }),
  );
  expect(result).toMatchObject({ role: "tool", name: "look", tool_call_id: "call_0" });
  expect(result?.content).toEqual([image, text("seen")] as never);
});

test("Ollama generate: a turn with images, raw with media, nothing with a suffix", () => {
  const asked = { model: "m", prompt: "what?", images: [base64] };
  expect(messagesOf(fromOllamaGenerate(asked))).toEqual([{ role: "user", content: [image, text("what?")] }] as never);
  expect(fromOllamaGenerate({ ...asked, raw: true }).input).toEqual({
    kind: "text",
    text: "what?",
    media: [image],
  } as never);
  expect(fromOllamaGenerate({ model: "m", prompt: "p", raw: true }).input).toEqual({ kind: "text", text: "p" });
  const templated = fromOllamaGenerate({ ...asked, template: "Q: {{ .Prompt }}" });
  expect(templated.input).toEqual({ kind: "text", text: "Q: what?", media: [image] } as never);
  expect(templated).not.toHaveProperty("tellTokens"); // they would have no pictures
  expect(() => fromOllamaGenerate({ ...asked, context: [1] })).toThrow("context does not support images");
  expect(() => fromOllamaGenerate({ ...asked, suffix: "s" })).toThrow("suffix does not support images");
});

test("OpenAI: parts keep their order, text alone stays a string", () => {
  const parts = [text("this"), { type: "image_url", image_url: { url: dataUrl } }, text("and"), text("?")];
  expect(openAi(parts)).toEqual([text("this"), image, text("and"), text("?")] as never);
  const sound = { type: "input_audio", input_audio: { data: wav.toString("base64"), format: "wav" } };
  expect(openAi([sound, text("")])).toEqual([audio] as never);
  expect(openAi([{ type: "image_url", image_url: dataUrl }])).toEqual([image] as never);
  expect(openAi([text("a"), text("b")])).toBe("ab");
});

test("Responses: input_image in a message and in a tool's output", () => {
  const part = { type: "input_image" as const, image_url: dataUrl, detail: "auto" };
  expect(responses([{ type: "input_text", text: "what?" }, part])).toEqual([text("what?"), image] as never);
  const output: ResponsesInputItem = { type: "function_call_output", call_id: "c", output: [part] };
  expect(inputMessages([output])).toEqual([{ role: "tool", tool_call_id: "c", content: [image] }] as never);
  expect(() => responses([{ type: "input_image", file_id: "file-1" }])).toThrow("files are kept at OpenAI only");
});

test("Anthropic: blocks keep their order, also inside a tool's result", () => {
  const block = { type: "image" as const, source: { type: "base64" as const, media_type: "image/png", data: base64 } };
  const say = (words: string) => ({ type: "text" as const, text: words });
  expect(anthropic([say("a"), block, say("b")])).toEqual([[text("a"), image, text("b")]] as never);
  const result = { type: "tool_result" as const, tool_use_id: "t", content: [say("seen"), block] };
  expect(anthropic([result, block])).toEqual([[text("seen"), image], [image]] as never);
  expect(anthropic([{ ...result, is_error: true }])).toEqual([[text("Error: "), text("seen"), image]] as never);
  expect(anthropic([{ ...result, content: [say("seen")], is_error: true }])).toEqual(["Error: seen"]);
});

test("a picture that is named by an address is what the node has fetched", () => {
  expect(openAi([{ type: "image_url", image_url: { url: webUrl } }], fetched)).toEqual([image] as never);
  expect(responses([{ type: "input_image", image_url: webUrl }], fetched)).toEqual([image] as never);
  expect(anthropic([{ type: "image", source: { type: "url", url: webUrl } }], fetched)).toEqual([[image]] as never);
  const request = { model: "m", max_tokens: 1, messages: [] };
  expect(fromAnthropicMessages(request, fetched).maxTokens).toBe(1);
});

const imageUrl = (url: unknown) => () => openAi([{ type: "image_url", image_url: { url } as never }]);
const source = (source: unknown) => () => anthropic([{ type: "image", source: source as never }]);

test.each([
  ["Ollama, not base64", () => ollama({ images: ["%%%"] }), "invalid messages[0].images[0]: it is not base64"],
  [
    "Ollama, cut base64",
    () => ollama({ images: [base64, "abcde"] }),
    "invalid messages[0].images[1]: it is not base64",
  ],
  ["Ollama, a data URL", () => ollama({ images: [dataUrl] }), "invalid messages[0].images[0]: it is not base64"],
  ["generate", () => fromOllamaGenerate({ model: "m", images: ["?"] }), "invalid images[0]: it is not base64"],
  ["OpenAI, not base64", imageUrl("data:image/png;base64,%%"), "invalid image_url.url: it is not base64"],
  [
    "OpenAI, no base64",
    imageUrl("data:image/png,abc"),
    'invalid image_url.url "data:image/png,abc": expected data:image/png;base64',
  ],
  ["OpenAI, a path", imageUrl("/etc/cat.png"), 'invalid image_url.url "/etc/cat.png": expected data:image/png;base64'],
  ["OpenAI, a file", imageUrl("file:///etc/cat.png"), 'invalid image_url.url "file:///etc/cat.png"'],
  [
    "OpenAI, endless",
    imageUrl(`data:${";".repeat(100_000)}x,`),
    `invalid image_url.url "data:${";".repeat(55)}...": expected`,
  ],
  ["OpenAI, a document", imageUrl("data:application/pdf;base64,AAAA"), 'unknown media type "application/pdf"'],
  ["OpenAI, no URL", imageUrl(undefined), "invalid image_url.url: expected a URL"],
  ["OpenAI, a web address", imageUrl(webUrl), "LLMLB_ALLOW_IMAGE_URLS"],
  ["OpenAI, a sound", () => openAi([{ type: "input_audio" }]), "invalid input_audio.data: expected a file in base64"],
  ["OpenAI, a video", () => openAi([{ type: "video_url" }]), 'content of type "video_url" is not supported'],
  ["Responses, a web address", () => responses([{ type: "input_image", image_url: webUrl }]), "LLMLB_ALLOW_IMAGE_URLS"],
  ["Responses, a file", () => responses([{ type: "input_file" }]), 'content of type "input_file" is not supported'],
  [
    "Anthropic, not base64",
    source({ type: "base64", media_type: "image/png", data: "%" }),
    "invalid source.data: it is not base64",
  ],
  [
    "Anthropic, a document",
    source({ type: "base64", media_type: "text/plain", data: "aaaa" }),
    'unknown media type "text/plain"',
  ],
  ["Anthropic, no type", source({ type: "base64", data: "aaaa" }), 'unknown media type "undefined"'],
  ["Anthropic, a file", source({ type: "file", file_id: "f" }), 'invalid "source" of an image'],
  ["Anthropic, no source", source(undefined), 'invalid "source" of an image'],
  ["Anthropic, a web address", source({ type: "url", url: webUrl }), "LLMLB_ALLOW_IMAGE_URLS"],
] as [string, () => unknown, string][])("%s: refused", (_, translate, message) => {
  const refused = (() => {
    try {
      return translate();
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toMatchObject({ code: "invalid_argument", message: expect.stringContaining(message) });
});
