import type { GenerationRequest, SamplingOptions } from "../core/generation.ts";

type NumberOption = Exclude<keyof SamplingOptions, "grammar" | "jsonSchema" | "logitBias">;

/** The sampler settings that `options` names, under our names; null means absent, as SDKs write it. */
export const pickSampling = <From extends string>(
  options: { [Name in NoInfer<From>]?: number | null | undefined },
  names: Readonly<Record<From, NumberOption>>,
): SamplingOptions => {
  const sampling: SamplingOptions = {};
  for (const from in names) {
    const value = options[from];
    if (value !== undefined && value !== null) sampling[names[from]] = value;
  }
  return sampling;
};

const documented = { temperature: 1, topP: 1 } as const;

/** OpenAI and Anthropic document 1 for temperature and top_p where a request names none; a model's own defaults go before that. */
export const withDocumented = (named: SamplingOptions): Pick<GenerationRequest, "sampling" | "assumed"> => ({
  sampling: { ...documented, ...named },
  assumed: (["temperature", "topP"] as const).filter((name) => named[name] === undefined),
});
