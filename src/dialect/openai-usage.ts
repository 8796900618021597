import type { OpenAiFinishReason, OpenAiUsage } from "../api/openai.ts";
import type { GenerationCounts } from "../core/generation.ts";

export const finishReason = (reason: "stop" | "length" | "toolCalls"): OpenAiFinishReason =>
  reason === "toolCalls" ? "tool_calls" : reason;

/** Several choices of one prompt count it once, as OpenAI does; `prompts` tells how many prompts there were. */
export const toUsage = (counts: readonly GenerationCounts[], prompts = 1): OpenAiUsage => {
  const choices = Math.max(1, counts.length / prompts);
  const sum = (of: (one: GenerationCounts) => number) => counts.reduce((total, one) => total + of(one), 0);
  const promptTokens = Math.round(sum((one) => one.promptTokens) / choices);
  const completionTokens = sum((one) => one.completionTokens);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: Math.min(
        promptTokens,
        sum((one) => one.cachedTokens),
      ),
    },
  };
};
