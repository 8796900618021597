import type { OpenAiSampling } from "../api/openai.ts";
import { AppError } from "../core/errors.ts";
import type { GenerationRequest, SamplingOptions } from "../core/generation.ts";
import { pickSampling } from "./pick-sampling.ts";

const names = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  repeat_penalty: "repeatPenalty",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  seed: "seed",
} as const;

/** The sampler settings that OpenAI's requests share; it documents 1 for temperature and top_p where a request names none. */
export const openAiSampling = (request: OpenAiSampling): SamplingOptions => ({
  temperature: 1,
  topP: 1,
  ...pickSampling(request, names),
  ...(request.logit_bias ? { logitBias: request.logit_bias } : {}),
});

const choicesMax = 128; // OpenAI's

/** How many answers a request wants of each prompt. */
export const choiceCount = ({ n }: { n?: number | null }): number => {
  const count = n ?? 1;
  if (Number.isInteger(count) && count >= 1 && count <= choicesMax) return count;
  throw new AppError("invalid_argument", `n must be a whole number from 1 to ${choicesMax}`);
};

/** The request for choice number `index`: a seed would make all of them the same. */
export const forChoice = (request: GenerationRequest, index: number): GenerationRequest => {
  const { seed } = request.sampling;
  return seed === undefined || index === 0
    ? request
    : { ...request, sampling: { ...request.sampling, seed: seed + index } };
};
