import type { OpenAiSampling } from "../api/openai.ts";
import { AppError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { pickSampling, withDocumented } from "./pick-sampling.ts";

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

/** The sampler settings that OpenAI's requests share. */
export const openAiSampling = (request: OpenAiSampling): Pick<GenerationRequest, "sampling" | "assumed"> =>
  withDocumented({
    ...pickSampling(request, names),
    ...(request.logit_bias ? { logitBias: request.logit_bias } : {}),
  });

/** The most tokens to answer with. Clients of llama.cpp's kin write -1 for no limit. */
export const openAiLimit = (tokens: number | null | undefined): Pick<GenerationRequest, "maxTokens"> =>
  typeof tokens === "number" ? { maxTokens: tokens === -1 ? Number.POSITIVE_INFINITY : tokens } : {};

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
