import { AppError } from "../core/errors.ts";
import type { ContentPart, MediaPart } from "../core/generation.ts";
import { findMediaFormat } from "../core/media-file.ts";

/** The file behind an address in a request. Translations are pure: the node has fetched it before, or refuses it by throwing. */
export type ImageByUrl = (url: string) => Uint8Array;

/** What a node does that was not told otherwise: nobody who may ask it makes it look into its own network. */
export const refuseImageUrl: ImageByUrl = () => {
  throw new AppError(
    "invalid_argument",
    "images are not fetched from URLs: send the image itself in base64, or set LLMLB_ALLOW_IMAGE_URLS=1 for the node",
  );
};

/** Base64 as a request carries it. Throws `invalid_argument`, which says `where`, for what is none. */
export const decodeBase64 = (text: unknown, where: string): Uint8Array => {
  if (typeof text !== "string") throw new AppError("invalid_argument", `invalid ${where}: expected a file in base64`);
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new AppError("invalid_argument", `invalid ${where}: it is not base64`);
  }
};

/** An Ollama `images` entry, which may be a sound as well. What is neither is told by whoever reads the file. */
export const fromBase64File = (text: unknown, where: string): MediaPart => {
  const data = decodeBase64(text, where);
  return { type: findMediaFormat(data)?.type ?? "image", data };
};

const imageTypes: ReadonlySet<string> = new Set(
  ["png", "jpeg", "jpg", "gif", "bmp", "x-ms-bmp", "webp", "heic", "heif", "avif", "tiff"].map(
    (name) => `image/${name}`,
  ),
);

/** Throws `invalid_argument` for what no picture can be. */
export const checkImageType = (mediaType: unknown): void => {
  if (typeof mediaType === "string" && imageTypes.has(mediaType.toLowerCase())) return;
  throw new AppError(
    "invalid_argument",
    `unknown media type "${clip(String(mediaType))}": expected image/png, image/jpeg...`,
  );
};

const dataHeadMaxChars = 200; // of a data URL, before its comma; real ones have about 22

/** A picture that a request names by a data URL, or by an address of the web. */
export const fromImageUrl = (url: unknown, imageByUrl: ImageByUrl, where: string): MediaPart => {
  if (typeof url !== "string") throw new AppError("invalid_argument", `invalid ${where}: expected a URL`);
  if (/^https?:/i.test(url)) return { type: "image", data: imageByUrl(url) };
  const comma = url.slice(0, dataHeadMaxChars).indexOf(",");
  const [, mediaType] = /^data:([^;,]*)(?:;[^;,]*)*;base64$/i.exec(url.slice(0, Math.max(0, comma))) ?? [];
  if (mediaType === undefined)
    throw new AppError(
      "invalid_argument",
      `invalid ${where} "${clip(url)}": expected data:image/png;base64,... or an http(s) URL`,
    );
  checkImageType(mediaType);
  return { type: "image", data: decodeBase64(url.slice(comma + 1), where) };
};

/** Text alone is one string, as every template takes it. */
export const toContent = (parts: readonly ContentPart[]): string | ContentPart[] => {
  if (parts.some(({ type }) => type !== "text"))
    return parts.filter((part) => part.type !== "text" || part.text !== "");
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
};

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text);
