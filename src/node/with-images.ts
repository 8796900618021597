import { checkShape } from "../core/check-shape.ts";
import { AppError } from "../core/errors.ts";
import { mediaFileMaxBytes } from "../core/media-file.ts";
import { type ImageByUrl, refuseImageUrl } from "../dialect/media.ts";
import type { NodeDeps } from "./deps.ts";

const urlsMax = 16; // of one request: each is a request of ours to somebody else
const fetchedMaxBytes = 2 * mediaFileMaxBytes; // of one request, about what its own body could hold

const nothing = new Uint8Array();

/**
 * What `translateBody` makes of a request, with the pictures that the request only names by an address. Translations are pure: the first
 * tells which addresses there are, and where there are any, a second is given what they hold. Throws `invalid_argument`.
 */
export const withImages = async <T>(
  { config, fetchImage }: Pick<NodeDeps, "config" | "fetchImage">,
  signal: AbortSignal,
  translateBody: (imageByUrl: ImageByUrl) => T,
): Promise<T> => {
  const translate = (imageByUrl: ImageByUrl): T => checkShape(() => translateBody(imageByUrl));
  if (!config.allowImageUrls) return translate(refuseImageUrl);
  const urls = new Set<string>();
  const withoutImages = translate((url) => {
    urls.add(url);
    return nothing;
  });
  if (urls.size === 0) return withoutImages;
  if (urls.size > urlsMax) throw new AppError("invalid_argument", `at most ${urlsMax} image URLs are fetched`);
  const images = new Map<string, Uint8Array>();
  let leftBytes = fetchedMaxBytes;
  for (const url of urls) {
    const image = await fetchImage(url, { maxBytes: Math.min(mediaFileMaxBytes, leftBytes), signal });
    leftBytes -= image.length;
    images.set(url, image);
  }
  return translate((url) => images.get(url) ?? nothing);
};
