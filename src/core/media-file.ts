/** A kind of file that shows or sounds like something, told by its first bytes: what it calls itself is not asked. */
export interface MediaFormat {
  type: "image" | "audio";
  /** As people call it. */
  name: "PNG" | "JPEG" | "GIF" | "BMP" | "WebP" | "HEIC" | "AVIF" | "TIFF" | "WAV" | "MP3" | "FLAC";
  /** True = llama.cpp reads it itself; false = it has to be made a PNG first. */
  isNative: boolean;
}

/** Of one encoded file: above what OpenAI (25 MB of sound) and Anthropic (10 MB) take, and two fit into one request. */
export const mediaFileMaxBytes = 32 * 2 ** 20;
/** Of one picture: a photo of a 64-megapixel camera, 192 MiB once it is decoded. A file of 3 KB can claim any number. */
export const imageMaxPixels = 64 * 2 ** 20;
/** Of all pictures in one request: forty photos of 12 megapixels. */
export const requestMaxPixels = 512 * 2 ** 20;
/** Of one sound: 230 MB once it is decoded to samples of 16 kHz. A FLAC of 1 MB can hold days of silence. */
export const audioMaxSeconds = 3600;

/** What files may be, for error messages. */
export const mediaFormats = { image: "PNG, JPEG, GIF, BMP and WebP", audio: "WAV, MP3 and FLAC" } as const;

const png: MediaFormat = { type: "image", name: "PNG", isNative: true };
const jpeg: MediaFormat = { type: "image", name: "JPEG", isNative: true };
const gif: MediaFormat = { type: "image", name: "GIF", isNative: true };
const bmp: MediaFormat = { type: "image", name: "BMP", isNative: true };
const webp: MediaFormat = { type: "image", name: "WebP", isNative: false };
const heic: MediaFormat = { type: "image", name: "HEIC", isNative: false };
const avif: MediaFormat = { type: "image", name: "AVIF", isNative: false };
const tiff: MediaFormat = { type: "image", name: "TIFF", isNative: false };
const wav: MediaFormat = { type: "audio", name: "WAV", isNative: true };
const mp3: MediaFormat = { type: "audio", name: "MP3", isNative: true };
const flac: MediaFormat = { type: "audio", name: "FLAC", isNative: true };

/** A format by the bytes at the beginning of its files, two hexadecimal digits a byte. */
const signatures: readonly [pattern: RegExp, format: MediaFormat][] = [
  [/^89504e470d0a1a0a/, png],
  [/^ffd8ff/, jpeg],
  [/^474946383[79]61/, gif],
  [/^424d.{24}[0-7][0-9a-f]000000/, bmp], // "BM" alone would take every text that begins so: the size of the second header too
  [/^52494646.{8}57454250/, webp],
  [/^52494646.{8}57415645/, wav],
  [/^.{8}66747970(?:686569..|686576..|6d696631|6d736631)/, heic], // ftyp, then heic, heix, hevc, mif1 or msf1
  [/^.{8}66747970617669(?:66|73)/, avif],
  [/^(?:49492a00|4d4d002a)/, tiff],
  [/^664c6143/, flac],
  [/^494433/, mp3],
  [/^ff[ef]/, mp3], // a frame without a tag before it
];

const headBytes = 32; // more than any signature

/** Undefined for what is none of them. */
export const findMediaFormat = (file: Uint8Array): MediaFormat | undefined => {
  const head = Buffer.from(file.subarray(0, headBytes)).toString("hex");
  return signatures.find(([pattern]) => pattern.test(head))?.[1];
};
