import type { StreamDialect } from "./endpoints.ts";
import type { UpstreamBody } from "./upstream-body.ts";

export interface TokenCount {
  readonly tokens: number;
  /** The node does not tell, and the events of a stream were counted: each holds a token or several. */
  readonly atLeast: boolean;
}

/** Finds out how many tokens an answer had from the bytes that pass, without reading them as JSON. */
export interface AnswerTokens {
  add(bytes: Uint8Array): void;
  /** Undefined where nothing tells it. */
  count(): TokenCount | undefined;
  /** Tokens of the prompt that the node had in its cache; undefined where it does not tell. */
  cached(): number | undefined;
}

const tailBytes = 2048; // usage stands at the end of an answer, in all dialects; kept for every open stream
const lineEnd = 10;

/** Of OpenAI's chat, of its responses and Anthropic, and of Ollama; in a text the quotes would be escaped. */
const told = /"(?:completion_tokens|output_tokens|eval_count)"\s*:\s*(\d{1,9})(?!\d)/g;

/** Of OpenAI's APIs, and of Anthropic. */
const toldCached = /"(?:cached_tokens|cache_read_input_tokens)"\s*:\s*(\d{1,9})(?!\d)/g;

/** How long an event is, and how many of a stream hold no token: those that begin and end it. */
const eventsOf: Record<StreamDialect, { lines: number; empty: number }> = {
  ollama: { lines: 1, empty: 0 }, // its last record tells
  openAi: { lines: 2, empty: 3 }, // the role, the reason of the end, [DONE]
  responses: { lines: 3, empty: 4 },
  anthropic: { lines: 3, empty: 3 },
};

/** `dialect`: of a stream; absent = one answer. */
export const createAnswerTokens = (dialect: StreamDialect | undefined): AnswerTokens => {
  const tail: Uint8Array[] = []; // pieces as they came: copying each token into one buffer would cost more than the relay
  let kept = 0;
  let lines = 0;
  return {
    add(bytes) {
      if (dialect) lines += countLineEnds(bytes);
      tail.push(bytes);
      kept += bytes.length;
      for (let first = tail[0]; first && kept - first.length >= tailBytes; first = tail[0]) {
        kept -= first.length;
        tail.shift();
      }
    },
    count() {
      const tokens = lastTold(tail, told);
      if (tokens !== undefined) return { tokens, atLeast: false };
      if (!dialect) return undefined;
      const { lines: perEvent, empty } = eventsOf[dialect];
      return { tokens: Math.max(0, Math.floor(lines / perEvent) - empty), atLeast: true };
    },
    cached: () => lastTold(tail, toldCached),
  };
};

/** In Latin-1, which takes no decoding: names and digits are the same in it. */
const lastTold = (tail: readonly Uint8Array[], pattern: RegExp): number | undefined => {
  const { buffer, byteOffset, byteLength } = tail.length === 1 && tail[0] ? tail[0] : Buffer.concat(tail);
  const text = Buffer.from(buffer, byteOffset, byteLength).toString("latin1", Math.max(0, byteLength - tailBytes));
  let last: string | undefined;
  for (const [, tokens] of text.matchAll(pattern)) last = tokens;
  return last === undefined ? undefined : Number(last);
};

const countLineEnds = (bytes: Uint8Array): number => {
  let count = 0;
  for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) count++;
  return count;
};

/** The same body, whose pieces are counted as they are read. */
export const countedBody = (body: UpstreamBody, tokens: AnswerTokens): UpstreamBody => ({
  async read() {
    const piece = await body.read();
    if (piece) tokens.add(piece);
    return piece;
  },
  cancel: body.cancel,
});
