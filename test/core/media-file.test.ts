import { expect, test } from "bun:test";
import { findAudioSeconds } from "../../src/core/audio-length.ts";
import { findMediaFormat } from "../../src/core/media-file.ts";

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

test.each([
  ["PNG", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
  ["JPEG", "\xff\xd8\xff\xe0\0\x10JFIF\0"],
  ["JPEG", "\xff\xd8\xff\xe1\0\x10Exif\0"],
  ["GIF", "GIF87a\x01\0\x01\0"],
  ["GIF", "GIF89a\x01\0\x01\0"],
  ["BMP", "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0"],
  ["WebP", "RIFF\x24\0\0\0WEBPVP8 "],
  ["WAV", "RIFF\x24\0\0\0WAVEfmt "],
  ["FLAC", "fLaC\0\0\0\x22"],
  ["MP3", "ID3\x04\0"],
  ["MP3", "\xff\xfb\x90\x64"],
  ["MP3", "\xff\xe3\x18\xc4"],
  ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1"],
  ["HEIC", "\0\0\0\x18ftypmif1\0\0\0\0heic"],
  ["AVIF", "\0\0\0\x18ftypavif\0\0\0\0"],
  ["TIFF", "II*\0\x08\0\0\0"],
  ["TIFF", "MM\0*\0\0\0\x08"],
])("a %s is told by its first bytes", (name, head) =>
  expect<string | undefined>(findMediaFormat(bytes(head))?.name).toBe(name),
);

test.each([
  "",
  "B",
  "BM is how this text begins, and it goes on for a while",
  "%PDF-1.7",
  "<svg xmlns=''>",
  "\x89PNG",
  "RIFF",
])("%j is neither picture nor sound", (head) => expect(findMediaFormat(bytes(head))).toBeUndefined());

/** A RIFF file with the chunks of one, two or three bytes at odd places that real files have too. */
const wav = (bytesPerSecond: number, dataBytes: number, before = ""): Uint8Array => {
  const file = bytes(`RIFF\0\0\0\0WAVE${before}fmt \x10\0\0\0${"\0".repeat(16)}data\0\0\0\0`);
  const view = new DataView(file.buffer);
  view.setUint32(file.length - 16, bytesPerSecond, true);
  view.setUint32(file.length - 4, dataBytes, true);
  return file;
};

const flac = (rate: number, samples: number): Uint8Array => {
  const file = bytes(`fLaC\0\0\0\x22${"\0".repeat(34)}`);
  const view = new DataView(file.buffer);
  view.setUint32(18, rate << 12);
  view.setUint8(21, Math.floor(samples / 2 ** 32));
  view.setUint32(22, samples % 2 ** 32);
  return file;
};

test.each([
  ["a second", wav(32_000, 32_000), 1],
  ["a chunk of an odd size before", wav(32_000, 64_000, "LIST\x03\0\0\0abc\0"), 2],
  ["what its data claims, though it is not there", wav(32_000, 2 ** 32 - 1), (2 ** 32 - 1) / 32_000],
  ["no rate", wav(0, 32_000), undefined],
  ["no chunk", bytes("RIFF\0\0\0\0WAVE"), undefined],
  ["half a chunk", wav(32_000, 32_000).subarray(0, 30), undefined],
])("seconds of a WAV: %s", (_, file, seconds) =>
  expect(findAudioSeconds(file, { type: "audio", name: "WAV", isNative: true })).toBe(seconds),
);

test.each([
  ["ten seconds", flac(16_000, 160_000), 10],
  ["days", flac(8_000, 2 ** 35), 2 ** 35 / 8_000],
  ["no rate", flac(0, 5), undefined],
  ["cut", flac(16_000, 5).subarray(0, 20), undefined],
])("seconds of a FLAC: %s", (_, file, seconds) =>
  expect(findAudioSeconds(file, { type: "audio", name: "FLAC", isNative: true })).toBe(seconds),
);
