import type { StreamDialect } from "./endpoints.ts";
import type { UpstreamBody } from "./upstream-body.ts";

/** Finds out how many tokens an answer had from the bytes that pass, without reading them as JSON. */
export interface AnswerTokens {
  add(bytes: Uint8Array): void;
  /** What the node tells, else the number of events, which is about that of tokens; undefined where neither is there. */
  count(): number | undefined;
}

const tailBytes = 2048; // usage stands at the end of an answer, in all dialects; kept for every open stream
const lineEnd = 10;

/** Of OpenAI's chat, of its responses and Anthropic, and of Ollama; in a text the quotes would be escaped. */
const told = /"(?:completion_tokens|output_tokens|eval_count)"\s*:\s*(\d{1,9})(?!\d)/g;

const linesPerEvent: Record<StreamDialect, number> = { ollama: 1, openAi: 2, responses: 3, anthropic: 3 };

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
      const text = new TextDecoder().decode(Buffer.concat(tail).subarray(-tailBytes));
      const last = [...text.matchAll(told)].at(-1);
      if (last) return Number(last[1]);
      return dialect && lines > 0 ? Math.round(lines / linesPerEvent[dialect]) : undefined;
    },
  };
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
