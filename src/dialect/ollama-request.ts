import type {
  OllamaChatRequest,
  OllamaGenerateRequest,
  OllamaMessage,
  OllamaThink,
  OllamaToolCall,
} from "../api/ollama.ts";
import { AppError } from "../core/errors.ts";
import type {
  ChatMessage,
  ChatToolCall,
  GenerationInput,
  GenerationRequest,
  MediaPart,
  SamplingOptions,
} from "../core/generation.ts";
import { renderGoTemplate } from "./go-template.ts";
import { fromLogprobs } from "./logprobs.ts";
import { fromBase64File, toContent } from "./media.ts";
import { pickSampling } from "./pick-sampling.ts";

/** Translates `/api/chat`. Throws `invalid_argument` for what cannot be done. */
export const fromOllamaChat = (request: OllamaChatRequest): GenerationRequest => ({
  input: {
    kind: "chat",
    messages: toMessages(request.messages),
    ...(request.tools?.length ? { tools: request.tools } : {}),
    ...thinking(request.think),
  },
  ...settings(request),
});

/**
 * Translates `/api/generate`: a chat of one turn, with `raw` the prompt as it is, with `template` what that makes of it, with `suffix`
 * a gap to fill.
 */
export const fromOllamaGenerate = (request: OllamaGenerateRequest): GenerationRequest => {
  const media = toMedia(request.images, "images");
  refuseCombinations(request);
  const goesOn = !request.raw && !request.suffix && media.length === 0;
  return { input: generateInput(request, media), ...settings(request), ...(goesOn && { tellTokens: true }) };
};

/** Nothing that a request says is left out in silence. */
const refuseCombinations = ({ raw, suffix, system, template, context, images }: OllamaGenerateRequest): void => {
  if (raw && (system || template || context?.length))
    throw new AppError("invalid_argument", "raw mode does not support template, system, or context");
  if (suffix && context?.length) throw new AppError("invalid_argument", "suffix does not support context");
  if (suffix && images?.length) throw new AppError("invalid_argument", "suffix does not support images");
  // The tokens of a context have no pictures, so they could not be gone on with.
  if (context?.length && images?.length)
    throw new AppError("invalid_argument", "context does not support images: send the conversation to /api/chat");
};

const generateInput = (request: OllamaGenerateRequest, media: MediaPart[]): GenerationInput => {
  const { prompt = "", system = "", suffix = "", template, raw, context } = request;
  const goingOn = context?.length ? { context } : {};
  const shown = media.length > 0 ? { media } : {};
  if (template) {
    const text = renderGoTemplate(template, { System: system, Prompt: prompt, Suffix: suffix });
    return { kind: "text", text, ...goingOn, ...shown };
  }
  if (suffix) return { kind: "text", text: prompt, suffix };
  if (raw) return { kind: "text", text: prompt, ...shown };
  const first: ChatMessage[] = system ? [{ role: "system", content: system }] : [];
  return {
    kind: "chat",
    messages: [...first, { role: "user", content: withText(media, prompt) }],
    ...goingOn,
    ...thinking(request.think),
  };
};

const toMedia = (images: readonly string[] | null | undefined, where: string): MediaPart[] =>
  (images ?? []).map((image, index) => fromBase64File(image, `${where}[${index}]`));

/** Pictures come before what is said about them, as in Ollama. */
const withText = (media: MediaPart[], text: string): ChatMessage["content"] =>
  toContent([...media, { type: "text", text }]);

/**
 * Ollama's messages name no tool call ids, OpenAI's templates want them: calls are numbered through the chat, and each tool
 * message answers the next call that has no answer yet (by name where it gives one).
 */
const toMessages = (messages: OllamaMessage[]): ChatMessage[] => {
  const open: { id: string; name: string }[] = [];
  let calls = 0;
  return messages.map((message, index): ChatMessage => {
    const content = withText(toMedia(message.images, `messages[${index}].images`), message.content);
    if (message.role === "tool") return { ...toToolMessage(message, open), content };
    const toolCalls = (message.tool_calls ?? []).map((call) => toToolCall(call, call.id ?? `call_${calls++}`));
    open.push(...toolCalls.map((call) => ({ id: call.id ?? "", name: call.function.name })));
    return {
      role: message.role,
      content,
      ...(message.thinking ? { reasoning_content: message.thinking } : {}),
      ...(toolCalls.length ? { tool_calls: toolCalls } : {}),
    };
  });
};

const toToolCall = (call: OllamaToolCall, id: string): ChatToolCall => ({
  id,
  type: "function",
  function: { name: call.function.name, arguments: JSON.stringify(call.function.arguments ?? {}) },
});

const toToolMessage = (message: OllamaMessage, open: { id: string; name: string }[]): Omit<ChatMessage, "content"> => {
  const byId = open.findIndex((call) => call.id === message.tool_call_id);
  const byName = open.findIndex((call) => call.name === message.tool_name);
  const answered = open.splice(Math.max(byId, byName, 0), 1)[0];
  const id = message.tool_call_id ?? answered?.id;
  const name = message.tool_name ?? answered?.name;
  return { role: "tool", ...(id ? { tool_call_id: id } : {}), ...(name ? { name } : {}) };
};

const thinking = (
  think: OllamaThink | undefined,
): { thinking?: boolean; reasoningEffort?: "low" | "medium" | "high" } => {
  if (think === undefined) return {};
  if (typeof think === "boolean") return { thinking: think };
  return { thinking: true, reasoningEffort: think === "max" ? "high" : think };
};

const settings = (request: OllamaChatRequest | OllamaGenerateRequest): Omit<GenerationRequest, "input"> => {
  const { options = {}, format, truncate = true, shift = true } = request;
  const { num_predict, stop, num_ctx, num_keep } = options;
  return {
    sampling: { ...pickSampling(options, samplingNames), ...toSchema(format) },
    ...(num_predict === undefined ? {} : { maxTokens: num_predict < 0 ? Number.POSITIVE_INFINITY : num_predict }),
    ...(num_ctx === undefined ? {} : { contextTokens: num_ctx }),
    overflow: {
      truncatePrompt: truncate,
      // Ollama: -1 = until the model stops, -2 = until the context is full.
      shift: shift && num_predict !== -2,
      ...(num_keep === undefined ? {} : { keepTokens: num_keep }),
    },
    ...(stop === undefined ? {} : { stop: typeof stop === "string" ? [stop] : stop }),
    ...fromLogprobs(request),
  };
};

/** Ollama's names of what the sampler takes. */
export const samplingNames = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  typical_p: "typicalP",
  repeat_penalty: "repeatPenalty",
  repeat_last_n: "repeatLastN",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  seed: "seed",
} as const;

const toSchema = (format: OllamaChatRequest["format"]): Pick<SamplingOptions, "jsonSchema"> => {
  if (format === undefined || format === null || format === "") return {};
  if (format === "json") return { jsonSchema: { type: "object" } };
  if (typeof format === "object") return { jsonSchema: format };
  throw new AppError("invalid_argument", `invalid "format": expected "json" or a JSON schema`);
};
