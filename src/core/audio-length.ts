import type { MediaFormat } from "./media-file.ts";

/**
 * Seconds that a sound says it lasts, from its header alone: decoders make room for what it claims. Undefined where the header does not
 * say (MP3, whose length its size bounds) and for a damaged one, which the decoder refuses.
 */
export const findAudioSeconds = (file: Uint8Array, { name }: MediaFormat): number | undefined => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return readers[name]?.(view);
};

/** The sample rate has 20 bits from byte 18, the number of samples the 36 bits that end at byte 26. */
const flacSeconds = (view: DataView): number | undefined => {
  if (view.byteLength < 26) return undefined;
  const rate = view.getUint32(18) >>> 12;
  const samples = (view.getUint8(21) & 0x0f) * 2 ** 32 + view.getUint32(22);
  return rate === 0 ? undefined : samples / rate;
};

/** Walks the chunks of a RIFF file to its format and its data. */
const wavSeconds = (view: DataView): number | undefined => {
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const id = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    if (id === fmtChunk && at + 20 <= view.byteLength) bytesPerSecond = view.getUint32(at + 16, true);
    if (id === dataChunk) return bytesPerSecond === 0 ? undefined : size / bytesPerSecond;
    at += 8 + size + (size % 2); // chunks begin at even places
  }
  return undefined;
};

const fmtChunk = 0x66_6d_74_20; // "fmt "
const dataChunk = 0x64_61_74_61; // "data"

const readers: Readonly<Partial<Record<MediaFormat["name"], (view: DataView) => number | undefined>>> = {
  FLAC: flacSeconds,
  WAV: wavSeconds,
};
