import type { OpenAiCompletion, OpenAiCompletionLogprobs, OpenAiCompletionRequest } from "../api/openai.ts";
import { AppError } from "../core/errors.ts";
import type { ChosenToken, GenerationCounts, GenerationEvent, GenerationRequest } from "../core/generation.ts";
import { mergeChoices } from "./merge-choices.ts";
import type { OpenAiResponseOptions } from "./openai-chat.ts";
import { openAiLimit, openAiSampling } from "./openai-sampling.ts";
import { finishReason, toUsage } from "./openai-usage.ts";

const maxTokensByDefault = 16; // OpenAI's
const promptsMax = 128;

/** Translates `/v1/completions`: one request for each prompt. Throws `invalid_argument` for what cannot be done. */
export const fromOpenAiCompletion = (request: OpenAiCompletionRequest): GenerationRequest[] => {
  const { prompt, stop, logprobs, echo, suffix, best_of } = request;
  if (echo || (best_of ?? 1) > 1) throw new AppError("invalid_argument", "echo and best_of are not supported");
  const prompts = [prompt].flat();
  if (prompts.length === 0 || prompts.length > promptsMax)
    throw new AppError("invalid_argument", `prompt has ${prompts.length} texts; expected 1 to ${promptsMax}`);
  return prompts.map((text) => ({
    input: { kind: "text", text, ...(suffix ? { suffix } : {}) },
    ...openAiSampling(request),
    ...openAiLimit(request.max_tokens ?? maxTokensByDefault),
    ...(stop ? { stop: typeof stop === "string" ? [stop] : stop } : {}),
    ...(logprobs === undefined || logprobs === null ? {} : { topLogprobs: logprobs }),
  }));
};

/** The chunks of a streamed completion; a chunk has the shape of the whole. */
export async function* toOpenAiTextChunks(
  choices: readonly AsyncIterable<GenerationEvent>[],
  { includeUsage, ...options }: OpenAiResponseOptions,
  prompts: number,
): AsyncGenerator<OpenAiCompletion> {
  const base = { ...options, object: "text_completion" as const };
  const counts: GenerationCounts[] = [];
  for await (const { index, event, logprobs } of mergeChoices(choices)) {
    const common = { index, logprobs: toLogprobs(logprobs, 0) };
    if (event.type === "text") yield { ...base, choices: [{ ...common, text: event.text, finish_reason: null }] };
    if (event.type !== "done") continue;
    counts.push(event.counts);
    yield { ...base, choices: [{ ...common, text: "", finish_reason: finishReason(event.reason) }] };
  }
  if (includeUsage) yield { ...base, choices: [], usage: toUsage(counts, prompts) };
}

/** The whole of a completion that is not streamed. */
export const toOpenAiText = async (
  choices: readonly AsyncIterable<GenerationEvent>[],
  { includeUsage: _, ...options }: OpenAiResponseOptions,
  prompts: number,
): Promise<OpenAiCompletion> => {
  const answers = choices.map(() => ({ text: "", tokens: [] as ChosenToken[], reason: "stop" as "stop" | "length" }));
  const counts: GenerationCounts[] = [];
  for await (const { index, event, logprobs } of mergeChoices(choices)) {
    const answer = answers[index];
    if (!answer) continue;
    answer.tokens.push(...logprobs);
    if (event.type === "text") answer.text += event.text;
    if (event.type !== "done") continue;
    counts.push(event.counts);
    answer.reason = event.reason === "length" ? "length" : "stop";
  }
  return {
    ...options,
    object: "text_completion",
    choices: answers.map(({ text, tokens, reason }, index) => ({
      index,
      text,
      logprobs: toLogprobs(tokens, 0),
      finish_reason: reason,
    })),
    usage: toUsage(counts, prompts),
  };
};

const decoder = new TextDecoder();

/** The older shape: parallel lists, and where each token begins in the text. */
const toLogprobs = (tokens: readonly ChosenToken[], from: number): OpenAiCompletionLogprobs | null => {
  if (tokens.length === 0) return null;
  const texts = tokens.map(({ bytes }) => decoder.decode(bytes));
  let offset = from;
  return {
    tokens: texts,
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) =>
      Object.fromEntries(top.map((one) => [decoder.decode(one.bytes), one.logprob])),
    ),
    text_offset: texts.map((text) => {
      offset += text.length;
      return offset - text.length;
    }),
  };
};
