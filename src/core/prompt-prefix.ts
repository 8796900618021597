/**
 * A piece of a prompt in the order in which the model reads it: tools, system, then role and text of each message. Something that is not
 * text (an image) is named by what identifies it, and says how many tokens it is about.
 */
export type PromptSegment = string | { readonly identity: string; readonly tokens: number };

/** The beginnings of a prompt, for a router that looks for the node which has evaluated the longest of them. */
export interface PromptPrefix {
  /** Hash of everything up to each mark, first mark first. Equal hashes = equal beginnings. */
  readonly prefix: readonly bigint[];
  /** Estimate of the tokens up to each mark. */
  readonly prefixTokens: readonly number[];
  readonly promptTokens: number;
}

// Marks lie where the position alone puts them, so a chat's next turn meets the marks of its last one. Steps of 256 characters (about 64
// tokens: below that a cache saves nothing worth a choice) until 8,192, then 32 steps per doubling: what lies between the last common
// mark and the real divergence is at most 3 % of the prompt, and 256 marks reach a million characters.
const smallestStepChars = 256;
const stepsPerDoubling = 32;
const marksMax = 256;

const charsPerToken = 4;

/**
 * How marks are made; to be raised when that, or what `promptSegments` makes of a body, changes: a node tells its router marks, and those of
 * another way mean nothing to it.
 */
export const prefixForm = 1;

/** The hash is fast, not secret: a client that makes two prompts collide sends only its own request to a colder node. */
export const hashPrompt = (segments: Iterable<PromptSegment>): PromptPrefix => {
  const prefix: bigint[] = [];
  const prefixTokens: number[] = [];
  let hash = 0n;
  let chars = 0;
  let tokens = 0;
  let markAt = smallestStepChars;
  const take = (text: string, addedChars: number, addedTokens: number) => {
    hash = Bun.hash.xxHash64(text, hash);
    chars += addedChars;
    tokens += addedTokens;
    if (chars < markAt) return;
    prefix.push(hash);
    prefixTokens.push(Math.round(tokens));
    markAt = prefix.length < marksMax ? nextMark(chars) : Number.POSITIVE_INFINITY;
  };
  for (const segment of segments) {
    if (typeof segment !== "string") {
      take(segment.identity, segment.tokens * charsPerToken, segment.tokens);
      continue;
    }
    for (let from = 0; from < segment.length; ) {
      const piece = segment.slice(from, from + markAt - chars);
      take(piece, piece.length, estimateTokens(piece));
      from += piece.length;
    }
  }
  return { prefix, prefixTokens, promptTokens: Math.ceil(tokens) };
};

const nextMark = (chars: number): number => {
  const step = Math.max(smallestStepChars, 2 ** Math.floor(Math.log2(chars / stepsPerDoubling)));
  return (Math.floor(chars / step) + 1) * step;
};

/** Four characters a token; a Chinese, Japanese or Korean character is one, and has two bytes more than characters in UTF-8. */
export const estimateTokens = (text: string): number => {
  const wide = (Buffer.byteLength(text) - text.length) / 2;
  return (text.length - wide) / charsPerToken + wide;
};
