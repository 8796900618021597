import { randomUUID } from "node:crypto";
import { checkShape } from "../core/check-shape.ts";
import { AppError } from "../core/errors.ts";
import type {
  ChatMessage,
  ContentPart,
  GenerationInput,
  GenerationRequest,
  MediaPart,
  SamplingOptions,
} from "../core/generation.ts";
import { defaultSampling } from "./default-sampling.ts";

interface Range {
  min: number;
  max: number;
  integer?: true;
}

const int32Max = 2 ** 31 - 1;

/** Values outside are refused: llama.cpp takes some of them for an abort or for gigabytes of memory. */
const ranges: Readonly<Record<keyof typeof defaultSampling, Range>> = {
  temperature: { min: 0, max: 1000 },
  topK: { min: -1, max: int32Max, integer: true },
  topP: { min: 0, max: 1 },
  minP: { min: 0, max: 1 },
  typicalP: { min: 0, max: 1 },
  repeatPenalty: { min: 0.01, max: 100 },
  repeatLastN: { min: -1, max: int32Max, integer: true },
  presencePenalty: { min: -100, max: 100 },
  frequencyPenalty: { min: -100, max: 100 },
};

const stopsMax = 256; // every token's text is compared with each of them
const stopCharactersMax = 4096;
const topLogprobsMax = 100; // five times what OpenAI and Ollama allow
const logitBiasesMax = 10_000; // each costs every step
const mediaMax = 256; // far more than a context holds
const nestingMax = 64; // llama.cpp walks schemas and arguments recursively, on a stack that ends

const refuse = (message: string): never => {
  throw new AppError("invalid_argument", message);
};

const inRange = (name: string, value: unknown, { min, max, integer }: Range): number => {
  if (typeof value === "number" && value >= min && value <= max && (!integer || Number.isInteger(value))) return value;
  return refuse(
    `invalid ${name} ${describe(value)}: expected ${integer ? "a whole number" : "a number"} from ${min} to ${max}`,
  );
};

const describe = (value: unknown): string => {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return (text ?? String(value)).slice(0, 40);
};

/** Stands for a picture or a sound in a prompt. Another one in every process, so that no text can pretend to be one. */
export const mediaMarker = `<__media_${randomUUID()}__>`;

export interface BridgeRequest {
  /** JSON text. */
  json: string;
  /** In the order of their markers. */
  media: MediaPart[];
}

/**
 * What the native bridge takes for `request`: every default filled in, every number checked.
 * Throws `invalid_argument`, which names the field.
 */
export const toBridgeRequest = (request: GenerationRequest): BridgeRequest => checkShape(() => toRequest(request));

const toRequest = ({
  input,
  sampling,
  maxTokens,
  stop = [],
  contextTokens,
  topLogprobs,
  tellTokens = false,
  overflow = {},
}: GenerationRequest): BridgeRequest => {
  const media: MediaPart[] = [];
  const json = JSON.stringify({
    ...inputFields(input, media),
    ...constraint(sampling),
    sampling: samplingFields(sampling),
    logitBias: logitBiases(sampling.logitBias ?? {}),
    // -1 = none are told.
    topLogprobs:
      topLogprobs === undefined
        ? -1
        : inRange("topLogprobs", topLogprobs, { min: 0, max: topLogprobsMax, integer: true }),
    tellTokens,
    maxTokens: maxTokens === undefined ? -1 : inRange("maxTokens", maxTokens, { min: 0, max: int32Max, integer: true }),
    stop: stopStrings(stop),
    // 0 = what a slot holds.
    contextTokens:
      contextTokens === undefined
        ? 0
        : inRange("contextTokens", contextTokens, { min: 1, max: int32Max, integer: true }),
    truncatePrompt: overflow.truncatePrompt ?? false,
    shift: overflow.shift ?? false,
    keepTokens: inRange("keepTokens", overflow.keepTokens ?? 4, { min: -1, max: int32Max, integer: true }),
  });
  return { json, media };
};

const samplingFields = (options: SamplingOptions): Record<string, number> => {
  const names = Object.keys(defaultSampling) as (keyof typeof defaultSampling)[];
  const fields = names.map((name) => [name, inRange(name, options[name] ?? defaultSampling[name], ranges[name])]);
  return { ...Object.fromEntries(fields), ...seedField(options.seed) };
};

const tokenRange: Range = { min: 0, max: int32Max, integer: true };

/** Pairs of a token's id and its bias. */
const logitBiases = (biases: Readonly<Record<string, number>>): [number, number][] => {
  const entries = Object.entries(biases);
  if (entries.length > logitBiasesMax) refuse(`too many logit biases: ${entries.length}, at most ${logitBiasesMax}`);
  return entries.map(([id, bias]) => [
    inRange("token of logit_bias", Number(id), tokenRange),
    inRange("logit_bias", bias, { min: -100, max: 100 }),
  ]);
};

/** llama.cpp's seeds are 32 bits wide, and the largest means "random". */
const seedField = (seed: number | undefined): { seed?: number } => {
  if (seed === undefined) return {};
  const range: Range = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, integer: true };
  const value = inRange("seed", seed, range);
  return value < 0 ? {} : { seed: value % (2 ** 32 - 1) };
};

const constraint = ({ grammar, jsonSchema }: SamplingOptions): { grammar?: string; jsonSchema?: string } => {
  if (grammar && jsonSchema) refuse("grammar and JSON schema cannot be used together");
  if (grammar) return { grammar };
  if (jsonSchema === undefined) return {};
  limitNesting("the JSON schema", jsonSchema);
  return { jsonSchema: JSON.stringify(jsonSchema) };
};

const stopStrings = (stop: readonly string[]): string[] => {
  if (stop.length > stopsMax) refuse(`too many stop strings: ${stop.length}, at most ${stopsMax}`);
  if (stop.some((text) => text.length > stopCharactersMax))
    refuse(`a stop string is longer than ${stopCharactersMax} characters`);
  return stop.filter((text) => text !== "");
};

/** The media of `input` are appended to `media`. */
const inputFields = (input: GenerationInput, media: MediaPart[]): Record<string, unknown> => {
  const earlier = input.context?.map((token) => inRange("token of context", token, tokenRange));
  const goingOn = earlier && { context: earlier };
  if (input.kind === "text") return { ...textFields(input, media), ...goingOn };
  const { kind: _, messages, tools = [], context: __, ...chat } = input;
  if (messages.length === 0) refuse("a chat needs at least one message");
  for (const tool of tools) limitNesting(`the parameters of tool "${tool.function.name}"`, tool.function.parameters);
  messages.forEach(checkToolCalls);
  const marked = messages.map((message) => markMedia(message, media));
  return { chat: { ...chat, messages: marked, ...(tools.length > 0 ? { tools } : {}) }, ...goingOn };
};

const textFields = (
  { text, suffix, media: shown = [] }: Extract<GenerationInput, { kind: "text" }>,
  media: MediaPart[],
): Record<string, unknown> => {
  if (suffix !== undefined && shown.length > 0) refuse("images and audio cannot be used together with a suffix");
  for (const part of shown) addMedia(part, media);
  return { text: mediaMarker.repeat(shown.length) + text, ...(suffix === undefined ? {} : { suffix }) };
};

/** Parts as llama.cpp's templates take them; `file` says which of the request's media it is. */
const markMedia = (message: ChatMessage, media: MediaPart[]): unknown => {
  if (!Array.isArray(message.content)) return message;
  const markPart = (part: ContentPart) =>
    part.type === "text" ? part : { type: "media_marker", text: mediaMarker, file: addMedia(part, media) };
  return { ...message, content: message.content.map(markPart) };
};

/** Returns its number among all media of the request. */
const addMedia = (part: MediaPart, media: MediaPart[]): number => {
  if (media.length >= mediaMax) refuse(`too many images or audio files: at most ${mediaMax}`);
  return media.push(part) - 1;
};

const checkToolCalls = ({ tool_calls: calls = [] }: ChatMessage): void => {
  for (const { function: called } of calls) limitNesting(`the arguments of "${called.name}"`, parsed(called.arguments));
};

/** Arguments that are no JSON are the template's business: some take any text. */
const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};

const limitNesting = (what: string, value: unknown, depth = 0): void => {
  if (depth > nestingMax) refuse(`${what} is nested deeper than ${nestingMax} levels`);
  if (typeof value !== "object" || value === null) return;
  for (const item of Object.values(value)) limitNesting(what, item, depth + 1);
};
