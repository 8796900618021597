import type { SamplingOptions } from "../core/generation.ts";

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
