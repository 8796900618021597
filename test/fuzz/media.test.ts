import { expect, test } from "bun:test";
import { findAudioSeconds } from "../../src/core/audio-length.ts";
import type { MediaPart } from "../../src/core/generation.ts";
import { findMediaFormat, imageMaxPixels } from "../../src/core/media-file.ts";
import { mediaParts } from "../../src/core/media-parts.ts";
import { readMedia } from "../../src/node/read-media.ts";
import { allowed, changedBytes, fc, fuzzTimeoutMs, holds } from "./fuzz.ts";

const dot = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const png = await new Bun.Image(dot).resize(30, 20).png().bytes();
const jpeg = await new Bun.Image(png).jpeg().bytes();
const webp = await new Bun.Image(png).webp({ lossless: true }).bytes();
const gif = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");
const bmp = Buffer.alloc(70);
bmp.write("BM");
for (const [at, value] of [
  [10, 54],
  [14, 40],
  [18, 2],
  [22, 2],
  [26, 1 | (24 << 16)],
] as const)
  bmp.writeUInt32LE(value, at);
const wav = Buffer.alloc(100);
wav.write("RIFF\0\0\0\0WAVEfmt ", "latin1");
wav.write("data", 36);
for (const [at, value] of [
  [16, 16],
  [28, 32_000],
  [40, 56],
] as const)
  wav.writeUInt32LE(value, at);
const flac = Buffer.concat([Buffer.from("fLaC\0\0\0\x22"), Buffer.alloc(34, 3)]);
const mp3 = Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\0\0"), Buffer.alloc(50, 0xff)]);

const ask = (part: MediaPart) => ({
  input: { kind: "chat" as const, messages: [{ role: "user" as const, content: [part] }] },
  sampling: {},
});

test(
  "a damaged picture or sound is taken with its size known, or refused",
  () =>
    holds(
      fc.tuple(
        fc.constantFrom("image" as const, "audio" as const),
        fc.oneof(...[png, jpeg, webp, gif, bmp, wav, flac, mp3].map((file) => changedBytes(file, 200))),
      ),
      async ([type, data]) => {
        const format = findMediaFormat(data);
        if (format) {
          const seconds = findAudioSeconds(data, format);
          if (seconds !== undefined) expect(seconds).toBeGreaterThanOrEqual(0);
        }
        const read = await allowed(() => readMedia(ask({ type, data }) as never));
        for (const part of read ? mediaParts(read.input) : []) {
          expect(findMediaFormat(part.data)?.isNative).toBe(true);
          if (part.type !== "image") continue;
          const { width, height } = await new Bun.Image(part.data).metadata();
          expect(width * height).toBeLessThanOrEqual(imageMaxPixels);
        }
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);

test(
  "any bytes are of some kind or of none",
  () =>
    holds(
      fc.uint8Array({ maxLength: 60 }),
      (bytes) => {
        const format = findMediaFormat(bytes);
        if (format) findAudioSeconds(bytes, format);
        for (const name of ["WAV", "FLAC"] as const) findAudioSeconds(bytes, { type: "audio", name, isNative: true });
      },
      { runs: 300 },
    ),
  fuzzTimeoutMs,
);
