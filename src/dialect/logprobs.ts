import { AppError } from "../core/errors.ts";
import type { ChosenToken, GenerationEvent, GenerationRequest, TokenLogprob } from "../core/generation.ts";

const topLogprobsMax = 20; // OpenAI's and Ollama's

/** Both dialects ask with the same two fields. Throws `invalid_argument` for what they refuse too. */
export const fromLogprobs = ({
  logprobs,
  top_logprobs,
}: {
  logprobs?: boolean | null;
  top_logprobs?: number | null;
}): Pick<GenerationRequest, "topLogprobs"> => {
  const top = top_logprobs ?? 0;
  if (!Number.isInteger(top) || top < 0 || top > topLogprobsMax)
    throw new AppError("invalid_argument", `top_logprobs must be a whole number from 0 to ${topLogprobsMax}`);
  if (top > 0 && !logprobs) throw new AppError("invalid_argument", "top_logprobs needs logprobs to be true");
  return logprobs ? { topLogprobs: top } : {};
};

export interface WithLogprobs {
  event: Exclude<GenerationEvent, { type: "logprobs" | "started" }>;
  /** Of the tokens behind the event; empty when nobody asked for them. */
  logprobs: ChosenToken[];
}

/** Every piece of an answer with the log probabilities that came before it. */
export async function* withLogprobs(events: AsyncIterable<GenerationEvent>): AsyncGenerator<WithLogprobs> {
  let logprobs: ChosenToken[] = [];
  for await (const event of events) {
    if (event.type === "started") continue;
    if (event.type === "logprobs") {
      logprobs.push(...event.tokens);
      continue;
    }
    yield { event, logprobs };
    logprobs = [];
  }
}

interface WireLogprob {
  token: string;
  logprob: number;
  bytes: number[];
}

const decoder = new TextDecoder();

const toWire = ({ bytes, logprob }: TokenLogprob): WireLogprob => ({
  token: decoder.decode(bytes),
  logprob,
  bytes: [...bytes],
});

/** As both dialects write them. */
export const toLogprobs = (tokens: readonly ChosenToken[]): (WireLogprob & { top_logprobs: WireLogprob[] })[] =>
  tokens.map((token) => ({ ...toWire(token), top_logprobs: token.top.map(toWire) }));
