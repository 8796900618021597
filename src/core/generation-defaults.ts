import type { ChatMessage, GenerationInput, GenerationRequest, SamplingOptions } from "./generation.ts";

/** What a model's maker wants where a request is silent. */
export interface GenerationDefaults {
  sampling?: SamplingOptions;
  maxTokens?: number;
  stop?: string[];
  contextTokens?: number;
  keepTokens?: number;
  /** For a chat without a system message. */
  system?: string;
  /** Turns that every chat begins with. */
  messages?: ChatMessage[];
}

/** The request as the runner takes it: what it says counts, then the model's defaults, then what its API assumes. */
export const withDefaults = (
  { assumed = [], maxTokens, ...request }: GenerationRequest,
  defaults: GenerationDefaults = {},
): GenerationRequest => {
  const limit = maxTokens ?? defaults.maxTokens;
  const stop = request.stop ?? defaults.stop;
  const keepTokens = request.overflow?.keepTokens ?? defaults.keepTokens;
  return {
    ...request,
    input: withTurns(request.input, defaults),
    sampling: withSampling(request.sampling, assumed, defaults.sampling),
    ...(limit === undefined || limit === Number.POSITIVE_INFINITY ? {} : { maxTokens: limit }),
    ...(stop && { stop }),
    ...(keepTokens === undefined ? {} : { overflow: { ...request.overflow, keepTokens } }),
  };
};

const withSampling = (
  said: SamplingOptions,
  assumed: readonly (keyof SamplingOptions)[],
  defaults: SamplingOptions = {},
): SamplingOptions => {
  const sampling = { ...defaults, ...said };
  for (const name of assumed) if (defaults[name] !== undefined) Object.assign(sampling, { [name]: defaults[name] });
  return sampling;
};

/** A system message of the chat's own stays first: templates want it there. */
const withTurns = (
  input: GenerationInput,
  { system, messages = [] }: Pick<GenerationDefaults, "system" | "messages">,
): GenerationInput => {
  // What the conversation began with stands in its tokens.
  if (input.kind !== "chat" || input.context || (system === undefined && messages.length === 0)) return input;
  const isOwn = input.messages.some(isSystem);
  const first = isOwn || system === undefined ? [] : [{ role: "system" as const, content: system }];
  const turns = input.messages.findIndex((message) => !isSystem(message));
  const leading = turns < 0 ? input.messages.length : turns;
  const [before, after] = [input.messages.slice(0, leading), input.messages.slice(leading)];
  return { ...input, messages: [...first, ...before, ...messages, ...after] };
};

const isSystem = ({ role }: ChatMessage): boolean => role === "system" || role === "developer";
