import type {
  OpenAiChatChunk,
  OpenAiChatCompletion,
  OpenAiChatRequest,
  OpenAiFinishReason,
  OpenAiLogprobs,
  OpenAiMessage,
  OpenAiUsage,
} from "../api/openai.ts";
import { AppError } from "../core/errors.ts";
import type {
  ChatMessage,
  ChosenToken,
  GenerationCounts,
  GenerationEvent,
  GenerationRequest,
  SamplingOptions,
} from "../core/generation.ts";
import { fromLogprobs, toLogprobs, type WithLogprobs, withLogprobs } from "./logprobs.ts";
import { pickSampling } from "./pick-sampling.ts";

/** Translates `/v1/chat/completions`. Throws `invalid_argument` for what cannot be done. */
export const fromOpenAiChat = (request: OpenAiChatRequest): GenerationRequest => {
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined;
  const { stop } = request;
  return {
    input: { kind: "chat", messages: request.messages.map(toMessage), ...toTools(request), ...toThinking(request) },
    sampling: toSampling(request),
    ...toAssumed(request),
    // Clients of llama.cpp's kin write -1 for no limit.
    ...(maxTokens === undefined ? {} : { maxTokens: maxTokens === -1 ? Number.POSITIVE_INFINITY : maxTokens }),
    ...(stop ? { stop: typeof stop === "string" ? [stop] : stop } : {}),
    ...fromLogprobs(request),
  };
};

const toMessage = ({ content, ...message }: OpenAiMessage): ChatMessage => ({ ...message, content: toText(content) });

const toText = (content: OpenAiMessage["content"]): string | null => {
  if (content === undefined || content === null || typeof content === "string") return content ?? null;
  return content
    .map((part) => {
      if (part.type !== "text")
        throw new AppError("invalid_argument", `content of type "${part.type}" is not supported by this model`);
      return part.text ?? "";
    })
    .join("");
};

type ChatInput = Extract<GenerationRequest["input"], { kind: "chat" }>;

const toTools = ({ tools, tool_choice }: OpenAiChatRequest): Pick<ChatInput, "tools" | "toolChoice"> => {
  if (!tools?.length) return {};
  if (typeof tool_choice !== "object") return { tools, ...(tool_choice ? { toolChoice: tool_choice } : {}) };
  const wanted = tools.filter((tool) => tool.function.name === tool_choice.function.name);
  if (wanted.length === 0) {
    throw new AppError("invalid_argument", `tool_choice names "${tool_choice.function.name}", which is not in tools`);
  }
  return { tools: wanted, toolChoice: "required" };
};

const toThinking = ({ reasoning_effort }: OpenAiChatRequest): Pick<ChatInput, "thinking" | "reasoningEffort"> => {
  if (!reasoning_effort) return {};
  if (reasoning_effort === "none") return { thinking: false };
  return { thinking: true, reasoningEffort: reasoning_effort === "minimal" ? "low" : reasoning_effort };
};

const samplingNames = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  repeat_penalty: "repeatPenalty",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  seed: "seed",
} as const;

/** What OpenAI documents where a request names none. */
const openAiSampling = { temperature: 1, topP: 1 } as const;

const toAssumed = (request: OpenAiChatRequest): Pick<GenerationRequest, "assumed"> => {
  const named = pickSampling(request, samplingNames);
  const assumed = (["temperature", "topP"] as const).filter((name) => named[name] === undefined);
  return assumed.length > 0 ? { assumed } : {};
};

const toSampling = (request: OpenAiChatRequest): SamplingOptions => {
  const sampling: SamplingOptions = { ...openAiSampling, ...pickSampling(request, samplingNames) };
  if (request.logit_bias) sampling.logitBias = request.logit_bias;
  const format = request.response_format;
  if (format?.type === "json_object") sampling.jsonSchema = { type: "object" };
  if (format?.type === "json_schema") sampling.jsonSchema = format.json_schema.schema ?? {};
  return sampling;
};

export interface OpenAiResponseOptions {
  id: string;
  model: string;
  /** Unix seconds. */
  created: number;
  /** Sends a last chunk with the counts (stream_options.include_usage). */
  includeUsage: boolean;
}

type Delta = OpenAiChatChunk["choices"][number]["delta"];

/** The chunks of a streamed chat completion: the role, the pieces, the finish reason, and the usage where it was asked for. */
export async function* toOpenAiChunks(
  events: AsyncIterable<GenerationEvent>,
  { id, model, created, includeUsage }: OpenAiResponseOptions,
): AsyncGenerator<OpenAiChatChunk> {
  const base = {
    id,
    object: "chat.completion.chunk" as const,
    created,
    model,
    ...(includeUsage ? { usage: null } : {}),
  };
  const chunk = (
    delta: Delta,
    logprobs: ChosenToken[] = [],
    finish_reason: OpenAiFinishReason | null = null,
  ): OpenAiChatChunk => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: toChoiceLogprobs(logprobs), finish_reason }],
  });
  let opened = false;
  for await (const { event, logprobs } of withLogprobs(events)) {
    // Not before the first event: until then a fault can still become a status of its own.
    if (!opened) yield chunk({ role: "assistant", content: "" });
    opened = true;
    if (event.type !== "done") {
      yield chunk(toDelta(event), logprobs);
      continue;
    }
    yield chunk({}, logprobs, finishReason(event.reason));
    if (includeUsage) yield { ...base, choices: [], usage: toUsage(event.counts) };
  }
}

const toChoiceLogprobs = (tokens: ChosenToken[]): OpenAiLogprobs | null =>
  tokens.length > 0 ? { content: toLogprobs(tokens), refusal: null } : null;

type PieceEvent = Exclude<WithLogprobs["event"], { type: "done" }>;

const toDelta = (event: PieceEvent): Delta => {
  if (event.type === "text") return { content: event.text };
  if (event.type === "reasoning") return { reasoning_content: event.text };
  const { index, id, name } = event;
  const call = { index, function: { ...(name === undefined ? {} : { name }), arguments: event.arguments } };
  return { tool_calls: [id === undefined ? call : { ...call, id, type: "function" }] };
};

/** The whole of a chat completion that is not streamed. */
export const toOpenAiCompletion = async (
  events: AsyncIterable<GenerationEvent>,
  { id, model, created }: OpenAiResponseOptions,
): Promise<OpenAiChatCompletion | undefined> => {
  let content = "";
  let reasoning = "";
  const tokens: ChosenToken[] = [];
  const calls: { id: string; type: "function"; function: { name: string; arguments: string } }[] = [];
  for await (const { event, logprobs } of withLogprobs(events)) {
    tokens.push(...logprobs);
    if (event.type === "text") content += event.text;
    else if (event.type === "reasoning") reasoning += event.text;
    else if (event.type === "toolCall") {
      calls[event.index] ??= {
        id: event.id ?? "",
        type: "function",
        function: { name: event.name ?? "", arguments: "" },
      };
      const call = calls[event.index];
      if (call) call.function.arguments += event.arguments;
    } else {
      const message = {
        role: "assistant" as const,
        content: content === "" && calls.length > 0 ? null : content,
        ...(reasoning ? { reasoning_content: reasoning } : {}),
        ...(calls.length ? { tool_calls: calls } : {}),
      };
      const logprobs = toChoiceLogprobs(tokens);
      const choice = { index: 0, message, logprobs, finish_reason: finishReason(event.reason) };
      return { id, object: "chat.completion", created, model, choices: [choice], usage: toUsage(event.counts) };
    }
  }
  return undefined;
};

const finishReason = (reason: "stop" | "length" | "toolCalls"): OpenAiFinishReason =>
  reason === "toolCalls" ? "tool_calls" : reason;

const toUsage = ({ promptTokens, completionTokens, cachedTokens }: GenerationCounts): OpenAiUsage => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});
