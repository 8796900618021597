/** Finds out how many tokens an answer had from the bytes that pass, without reading them as JSON. */
export interface AnswerTokens {
  add(bytes: Uint8Array): void;
  /** What the node tells, else the number of events, which is about that of tokens; undefined where neither is there. */
  count(): number | undefined;
}

const tailBytes = 4096; // usage stands at the end of an answer, in all dialects
const lineEnd = 10;

/** Of OpenAI's chat, of its responses and Anthropic, and of Ollama; in a text the quotes would be escaped. */
const told = /"(?:completion_tokens|output_tokens|eval_count)"\s*:\s*(\d{1,9})(?!\d)/g;

/** `linesPerEvent`: 1 of NDJSON, 2 of server-sent events, 3 of those that have names, 0 of an answer that is no stream. */
export const createAnswerTokens = (linesPerEvent: 0 | 1 | 2 | 3): AnswerTokens => {
  const tail: Uint8Array[] = []; // pieces as they came: copying each token into one buffer would cost more than the relay
  let kept = 0;
  let lines = 0;
  return {
    add(bytes) {
      if (linesPerEvent > 0) lines += countLineEnds(bytes);
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
      return lines > 0 ? Math.round(lines / linesPerEvent) : undefined;
    },
  };
};

const countLineEnds = (bytes: Uint8Array): number => {
  let count = 0;
  for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) count++;
  return count;
};
