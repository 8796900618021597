import type { GenerationDefaults } from "../core/generation-defaults.ts";
import { samplingNames } from "./ollama-request.ts";
import { pickSampling } from "./pick-sampling.ts";

const contextTokensMax = 16_777_216; // as much as a runner takes

/** Translates the parameters that an Ollama model brings along. They are nobody's request: what is of the wrong type is left out. */
export const fromOllamaParams = (params: Readonly<Record<string, unknown>>): GenerationDefaults => {
  const numbers = Object.fromEntries(Object.entries(params).filter(isNumber));
  const sampling = pickSampling(numbers, samplingNames);
  const { num_predict: maxTokens = -1, num_ctx: contextTokens = 0, num_keep: keepTokens } = numbers;
  const stop = (Array.isArray(params.stop) ? params.stop : [params.stop]).filter((one) => typeof one === "string");
  return {
    ...(Object.keys(sampling).length > 0 && { sampling }),
    ...(Number.isInteger(maxTokens) && maxTokens >= 0 && { maxTokens }),
    ...(Number.isInteger(contextTokens) && contextTokens > 0 && contextTokens <= contextTokensMax && { contextTokens }),
    ...(Number.isInteger(keepTokens) && { keepTokens }),
    ...(stop.length > 0 && { stop }),
  };
};

const isNumber = (entry: [string, unknown]): entry is [string, number] =>
  typeof entry[1] === "number" && Number.isFinite(entry[1]);

/** One line a value, as `ollama show --parameters` has them. */
export const showOllamaParams = (params: Readonly<Record<string, unknown>>): string =>
  Object.keys(params)
    .sort()
    .flatMap((name) => [params[name]].flat().map((value) => `${name.padEnd(30)} ${JSON.stringify(value)}`))
    .join("\n");
