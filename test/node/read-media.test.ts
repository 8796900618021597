import { expect, test } from "bun:test";
import type { ContentPart, GenerationRequest, MediaPart } from "../../src/core/generation.ts";
import { findMediaFormat, mediaFileMaxBytes } from "../../src/core/media-file.ts";
import { mediaParts } from "../../src/core/media-parts.ts";
import { readMedia } from "../../src/node/read-media.ts";

const dot = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const png = await new Bun.Image(dot).resize(30, 20).png().bytes();
const jpeg = await new Bun.Image(png).jpeg().bytes();
const webp = await new Bun.Image(png).webp({ lossless: true }).bytes();
const gif = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");
const bmp = (() => {
  const file = Buffer.alloc(54 + 8 * 2);
  file.write("BM");
  for (const [at, value] of [
    [10, 54],
    [14, 40],
    [18, 2],
    [22, 2],
  ] as const)
    file.writeUInt32LE(value, at);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  return file;
})();
const wav = (dataBytes: number) => {
  const file = Buffer.alloc(44);
  file.write("RIFF\0\0\0\0WAVEfmt ", "latin1");
  file.write("data", 36);
  for (const [at, value] of [
    [16, 16],
    [28, 32_000],
    [40, dataBytes],
  ] as const)
    file.writeUInt32LE(value, at);
  return file;
};
/** The same picture with another size in its header. */
const claiming = (file: Uint8Array, at: number, bytes: readonly number[]) => {
  const changed = Buffer.from(file);
  changed.set(bytes, at);
  return changed;
};

const image = (data: Uint8Array): MediaPart => ({ type: "image", data });
const ask = (...content: ContentPart[]): GenerationRequest => ({
  input: { kind: "chat", messages: [{ role: "user", content }] },
  sampling: {},
});
const text: ContentPart = { type: "text", text: "What is this?" };

test("a request without pictures is the same request", async () => {
  const request: GenerationRequest = { input: { kind: "text", text: "hi" }, sampling: {} };
  expect(await readMedia(request)).toBe(request);
});

test.each([
  ["PNG", png],
  ["JPEG", jpeg],
  ["GIF", gif],
  ["BMP", bmp],
])("a %s goes to llama.cpp as it is", async (_, data) => {
  const { input } = await readMedia(ask(image(data), text));
  expect(mediaParts(input)).toEqual([image(data)]);
});

test("a WebP becomes a PNG of the same size, and the order stays", async () => {
  const { input } = await readMedia(ask(image(png), text, image(webp)));
  if (input.kind !== "chat") throw new Error("no chat");
  const [first, second, third] = (input.messages[0]?.content ?? []) as ContentPart[];
  expect(first).toEqual(image(png));
  expect(second).toEqual(text);
  const converted = (third as MediaPart).data;
  expect(findMediaFormat(converted)?.name).toBe("PNG");
  expect(await new Bun.Image(converted).metadata()).toMatchObject({ width: 30, height: 20 });
});

test("media of a raw prompt are read too", async () => {
  const { input } = await readMedia({ input: { kind: "text", text: "hi", media: [image(webp)] }, sampling: {} });
  expect(findMediaFormat(mediaParts(input)[0]?.data ?? new Uint8Array())?.name).toBe("PNG");
});

test.each([
  ["empty", image(new Uint8Array()), "the image is empty"],
  ["text", image(Buffer.from("hello")), "the image is of no known kind: PNG, JPEG, GIF, BMP and WebP are taken"],
  ["a sound", image(wav(0)), "the image is of another kind (WAV): PNG, JPEG, GIF, BMP and WebP are taken"],
  [
    "a picture",
    { type: "audio", data: png } as const,
    "the audio is of another kind (PNG): WAV, MP3 and FLAC are taken",
  ],
  ["too large a file", image(Buffer.concat([png, Buffer.alloc(mediaFileMaxBytes)])), "the image is larger than 33 MB"],
  ["a PNG bomb", image(claiming(png, 16, [0, 1, 0, 0, 0, 1, 0, 0])), "the image has more than 67 megapixels"],
  [
    "a GIF bomb in its canvas",
    image(claiming(gif, 6, [0xff, 0xff, 0xff, 0xff])),
    "the image has more than 67 megapixels",
  ],
  ["a cut PNG", image(png.subarray(0, 20)), "the image is a damaged PNG file"],
  ["a cut WebP", image(webp.subarray(0, 25)), "the image is a damaged WebP file"],
  [
    "HEIC",
    image(Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1")),
    /^the image is (a damaged HEIC|HEIC, which .* convert it to PNG)/,
  ],
  ["hours", { type: "audio", data: wav(0xffffffff) } as const, "the audio lasts more than 60 minutes"],
])("%s is refused", async (_, part, message) => {
  const refused = await readMedia(ask(part)).catch((error) => error);
  expect(refused).toMatchObject({ code: "invalid_argument" });
  if (typeof message === "string") expect(refused.message).toBe(message);
  else expect(refused.message).toMatch(message);
});

test("of several, the one that is wrong is named", async () => {
  expect(readMedia(ask(image(png), image(Buffer.from("?"))))).rejects.toThrow("image 2 is of no known kind");
});

test("many large pictures are refused together", async () => {
  const large = image(await new Bun.Image(png).resize(8000, 8000).png({ compressionLevel: 1 }).bytes());
  const many = Array.from({ length: 9 }, () => large);
  expect(readMedia(ask(...many))).rejects.toThrow("the images have more than 536 megapixels together");
});

test("a sound goes on as it is", async () => {
  const part: MediaPart = { type: "audio", data: wav(32_000) };
  expect(mediaParts((await readMedia(ask(part))).input)).toEqual([part]);
});

test("a thousand damaged pictures: each is read or refused in a line, and nothing else happens", async () => {
  const files = [png, jpeg, webp, gif, bmp];
  let state = 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647; // Park and Miller's: the same pictures each time
    return state % below;
  };
  let refused = 0;
  for (let round = 0; round < 1000; round++) {
    const whole = files[round % files.length] ?? png;
    const file = Buffer.from(whole.subarray(0, random(3) === 0 ? 1 + random(whole.length) : whole.length));
    for (let changes = random(20); changes > 0; changes--) file[random(Math.min(file.length, 64))] = random(256);
    const error = await readMedia(ask(image(file))).catch((error) => error);
    if (!(error instanceof Error)) continue;
    refused++;
    expect(error).toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/^the image (is|has) [^\n]+$/),
    });
  }
  expect(refused).toBeGreaterThan(300);
});
