import type { OpenAiChatRequest, OpenAiCompletionRequest, OpenAiMessage } from "../api/openai.ts";
import { AppError } from "../core/errors.ts";
import type {
  ChatMessage,
  ContentPart,
  GenerationInput,
  GenerationRequest,
  SamplingOptions,
} from "../core/generation.ts";

export interface UpstreamWords {
  /** As that server calls it. */
  model: string;
  /** True = it takes no field that OpenAI does not have. */
  strict: boolean;
  /** True = its templates are told by `chat_template_kwargs` whether to think, as vLLM's and llama-server's are. */
  templateSettings: boolean;
}

type ChatInput = Extract<GenerationInput, { kind: "chat" }>;
type ChatBody = Omit<OpenAiChatRequest, "messages"> & {
  messages: unknown[];
  chat_template_kwargs?: { enable_thinking: boolean };
};

/** A chat in OpenAI's words, for a server that is not ours. Streamed, with its usage at the end. */
export const toOpenAiChatBody = (request: GenerationRequest, input: ChatInput, words: UpstreamWords): ChatBody => {
  if (input.context) throw onlyHere("context");
  return {
    ...shared(request, words),
    messages: input.messages.map((message) => toMessage(message, words)),
    ...(input.tools && { tools: input.tools }),
    ...(input.tools && input.toolChoice && { tool_choice: input.toolChoice }),
    ...(input.tools && input.parallelToolCalls === false && { parallel_tool_calls: false }),
    ...toThinking(input, words),
    ...toFormat(request.sampling),
    ...(request.topLogprobs !== undefined && { logprobs: true, top_logprobs: request.topLogprobs }),
  };
};

/** A text to go on with, in OpenAI's words. */
export const toOpenAiCompletionBody = (
  request: GenerationRequest,
  { text, suffix, context, media }: Extract<GenerationInput, { kind: "text" }>,
  words: UpstreamWords,
): OpenAiCompletionRequest => {
  if (context) throw onlyHere("context");
  if (media?.length) throw onlyHere("images in a raw prompt");
  return {
    ...shared(request, words),
    prompt: text,
    ...(suffix !== undefined && { suffix }),
    ...(request.topLogprobs !== undefined && { logprobs: request.topLogprobs }),
  };
};

const onlyHere = (what: string) =>
  new AppError("unsupported", `${what}: the node that has this model does not support it`);

/** OpenAI's own names, then those that only servers of open models take. */
const names = {
  temperature: "temperature",
  topP: "top_p",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  seed: "seed",
  logitBias: "logit_bias",
} as const;
const moreNames = { topK: "top_k", minP: "min_p", repeatPenalty: "repeat_penalty" } as const;

const shared = ({ sampling, assumed = [], maxTokens, stop }: GenerationRequest, { model, strict }: UpstreamWords) => {
  const known: Partial<Record<keyof SamplingOptions, string>> = strict ? names : { ...names, ...moreNames };
  // What nobody has asked for is the server's to decide.
  const named = Object.entries(sampling).flatMap(([name, value]) => {
    const wire = known[name as keyof SamplingOptions];
    return wire === undefined || assumed.includes(name as keyof SamplingOptions) ? [] : [[wire, value]];
  });
  return {
    model,
    stream: true,
    stream_options: { include_usage: true },
    ...Object.fromEntries(named),
    ...(maxTokens !== undefined && Number.isFinite(maxTokens) && { max_tokens: maxTokens }),
    ...(stop?.length && { stop }),
  };
};

const toMessage = ({ content, reasoning_content, ...message }: ChatMessage, { strict }: UpstreamWords): object =>
  ({
    ...message,
    content: Array.isArray(content) ? content.map(toPart) : content,
    ...(reasoning_content !== undefined && !strict && { reasoning_content }),
  }) satisfies Omit<OpenAiMessage, "content"> & { content: unknown };

const toPart = (part: ContentPart): object => {
  if (part.type === "text") return part;
  const data = Buffer.from(part.data.buffer, part.data.byteOffset, part.data.byteLength).toString("base64");
  if (part.type === "audio")
    return { type: "input_audio", input_audio: { data, format: data.startsWith("UklGR") ? "wav" : "mp3" } };
  return { type: "image_url", image_url: { url: `data:${imageType(data)};base64,${data}` } };
};

/** By the first bytes, in base64. */
const imageType = (data: string): string => {
  const [, type = "image/png"] = imageTypes.find(([start]) => data.startsWith(start)) ?? [];
  return type;
};

const imageTypes = [
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
] as const;

const toThinking = ({ thinking, reasoningEffort }: ChatInput, { strict, templateSettings }: UpstreamWords) => ({
  ...(thinking === false && !strict && !templateSettings && { reasoning_effort: "none" as const }),
  ...(reasoningEffort && { reasoning_effort: reasoningEffort }),
  ...(thinking !== undefined && templateSettings && { chat_template_kwargs: { enable_thinking: thinking } }),
});

const toFormat = ({ jsonSchema }: SamplingOptions): Pick<OpenAiChatRequest, "response_format"> => {
  if (!jsonSchema) return {};
  const { type, ...more } = jsonSchema;
  if (type === "object" && Object.keys(more).length === 0) return { response_format: { type: "json_object" } };
  return { response_format: { type: "json_schema", json_schema: { name: "answer", schema: jsonSchema } } };
};
