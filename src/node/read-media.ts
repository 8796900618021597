import { findAudioSeconds } from "../core/audio-length.ts";
import { AppError } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import type { GenerationRequest, MediaPart } from "../core/generation.ts";
import {
  audioMaxSeconds,
  findMediaFormat,
  imageMaxPixels,
  type MediaFormat,
  mediaFileMaxBytes,
  mediaFormats,
  requestMaxPixels,
} from "../core/media-file.ts";
import { mediaParts, withMediaParts } from "../core/media-parts.ts";

/**
 * The request with its pictures and sounds as llama.cpp takes them: looked at by their headers alone, and made PNG where llama.cpp does not
 * read them itself. Bun does that on a thread of its own. Throws `invalid_argument`, which says which one it is and what is wrong with it.
 */
export const readMedia = async (request: GenerationRequest): Promise<GenerationRequest> => {
  const parts = mediaParts(request.input);
  if (parts.length === 0) return request;
  const read: MediaPart[] = [];
  let pixels = 0;
  // One after another: each may take hundreds of megabytes while it is converted.
  for (const [index, part] of parts.entries()) {
    const what = parts.length > 1 ? `${part.type} ${index + 1}` : `the ${part.type}`;
    const format = checkFile(part, what);
    if (part.type === "audio") read.push(checkLength(part, format, what));
    else {
      pixels += await countPixels(part, format, what);
      if (pixels > requestMaxPixels)
        throw refuse("the images", `have more than ${megapixels(requestMaxPixels)} together`);
      read.push(format.isNative ? part : await toPng(part, format, what));
    }
  }
  return { ...request, input: withMediaParts(request.input, read) };
};

const refuse = (what: string, problem: string) => new AppError("invalid_argument", `${what} ${problem}`);

const megapixels = (pixels: number) => `${Math.floor(pixels / 1e6)} megapixels`;

const checkFile = ({ type, data }: MediaPart, what: string): MediaFormat => {
  if (data.length === 0) throw refuse(what, "is empty");
  if (data.length > mediaFileMaxBytes) throw refuse(what, `is larger than ${formatBytes(mediaFileMaxBytes)}`);
  const format = findMediaFormat(data);
  if (format?.type === type) return format;
  throw refuse(
    what,
    `is of ${format ? `another kind (${format.name})` : "no known kind"}: ${mediaFormats[type]} are taken`,
  );
};

const checkLength = (part: MediaPart, format: MediaFormat, what: string): MediaPart => {
  const seconds = findAudioSeconds(part.data, format) ?? 0;
  if (seconds > audioMaxSeconds) throw refuse(what, `lasts more than ${audioMaxSeconds / 60} minutes`);
  return part;
};

const countPixels = async ({ data }: MediaPart, format: MediaFormat, what: string): Promise<number> => {
  const screen = format.name === "GIF" ? gifScreenPixels(data) : 0;
  if (screen > imageMaxPixels) throw refuse(what, tooManyPixels);
  const { width, height } = await decoded(format, what, (limits) => new Bun.Image(data, limits).metadata());
  return Math.max(screen, width * height);
};

/** A GIF's canvas may be larger than its first frame, and llama.cpp's reader makes room for it. */
const gifScreenPixels = (data: Uint8Array): number => {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return data.length < 10 ? 0 : view.getUint16(6, true) * view.getUint16(8, true);
};

/** PNG loses nothing. Fast rather than small: it goes to a process on this machine. */
const toPng = async ({ type, data }: MediaPart, format: MediaFormat, what: string): Promise<MediaPart> => {
  const png = await decoded(format, what, (limits) => new Bun.Image(data, limits).png({ compressionLevel: 1 }).bytes());
  return { type, data: png };
};

const tooManyPixels = `has more than ${megapixels(imageMaxPixels)}`;

const decoded = async <T>(
  { name }: MediaFormat,
  what: string,
  read: (limits: { maxPixels: number }) => Promise<T>,
): Promise<T> => {
  try {
    return await read({ maxPixels: imageMaxPixels });
  } catch (error) {
    const problem = problems[(error as { code?: string }).code ?? ""];
    throw problem ? refuse(what, problem(name)) : error;
  }
};

/** What is wrong with a file, by the code of Bun's error. */
const problems: Readonly<Record<string, (format: string) => string>> = {
  ERR_IMAGE_TOO_MANY_PIXELS: () => tooManyPixels,
  ERR_IMAGE_FORMAT_UNSUPPORTED: (format) => `is ${format}, which this machine cannot read: convert it to PNG or JPEG`,
  ERR_IMAGE_DECODE_FAILED: (format) => `is a damaged ${format} file`,
  ERR_IMAGE_UNKNOWN_FORMAT: (format) => `is a damaged ${format} file`,
};
