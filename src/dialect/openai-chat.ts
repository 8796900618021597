import type {
  OpenAiChatChunk,
  OpenAiChatCompletion,
  OpenAiChatRequest,
  OpenAiContentPart,
  OpenAiFinishReason,
  OpenAiLogprobs,
  OpenAiMessage,
} from "../api/openai.ts";
import { AppError } from "../core/errors.ts";
import type {
  ChatMessage,
  ChosenToken,
  ContentPart,
  GenerationCounts,
  GenerationEvent,
  GenerationRequest,
} from "../core/generation.ts";
import { fromLogprobs, toLogprobs, type WithLogprobs } from "./logprobs.ts";
import { decodeBase64, fromImageUrl, type ImageByUrl, refuseImageUrl, toContent } from "./media.ts";
import { mergeChoices } from "./merge-choices.ts";
import { offerTools } from "./offer-tools.ts";
import { openAiLimit, openAiSampling } from "./openai-sampling.ts";
import { finishReason, toUsage } from "./openai-usage.ts";

/** Translates `/v1/chat/completions`. Throws `invalid_argument` for what cannot be done. */
export const fromOpenAiChat = (
  request: OpenAiChatRequest,
  imageByUrl: ImageByUrl = refuseImageUrl,
): GenerationRequest => {
  const { stop } = request;
  const messages = request.messages.map((message) => toMessage(message, imageByUrl));
  return {
    input: { kind: "chat", messages, ...toTools(request), ...toThinking(request) },
    ...toSampling(request),
    ...openAiLimit(request.max_completion_tokens ?? request.max_tokens),
    ...(stop ? { stop: typeof stop === "string" ? [stop] : stop } : {}),
    ...fromLogprobs(request),
  };
};

const toMessage = ({ content, ...message }: OpenAiMessage, imageByUrl: ImageByUrl): ChatMessage => ({
  ...message,
  content: typeof content === "string" || !content ? (content ?? null) : toContent(content.map(toPart(imageByUrl))),
});

const toPart =
  (imageByUrl: ImageByUrl) =>
  ({ type, text, image_url, input_audio }: OpenAiContentPart): ContentPart => {
    if (type === "text") return { type, text: text ?? "" };
    if (type === "image_url") {
      const url = typeof image_url === "string" ? image_url : image_url?.url;
      return fromImageUrl(url, imageByUrl, "image_url.url");
    }
    if (type === "input_audio") return { type: "audio", data: decodeBase64(input_audio?.data, "input_audio.data") };
    throw new AppError("invalid_argument", `content of type "${type}" is not supported`);
  };

type ChatInput = Extract<GenerationRequest["input"], { kind: "chat" }>;

const toTools = ({ tools, tool_choice: choice, parallel_tool_calls: parallel }: OpenAiChatRequest) =>
  offerTools(tools ?? [], { choice: typeof choice === "object" ? choice?.function : choice, parallel });

const toThinking = ({ reasoning_effort }: OpenAiChatRequest): Pick<ChatInput, "thinking" | "reasoningEffort"> => {
  if (!reasoning_effort) return {};
  if (reasoning_effort === "none") return { thinking: false };
  return { thinking: true, reasoningEffort: reasoning_effort === "minimal" ? "low" : reasoning_effort };
};

const toSampling = (request: OpenAiChatRequest): Pick<GenerationRequest, "sampling" | "assumed"> => {
  const { sampling, ...rest } = openAiSampling(request);
  const format = request.response_format;
  if (format?.type === "json_object") sampling.jsonSchema = { type: "object" };
  if (format?.type === "json_schema") sampling.jsonSchema = format.json_schema?.schema ?? {};
  return { sampling, ...rest };
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
  choices: readonly AsyncIterable<GenerationEvent>[],
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
    index: number,
    delta: Delta,
    logprobs: ChosenToken[] = [],
    finish_reason: OpenAiFinishReason | null = null,
  ): OpenAiChatChunk => ({
    ...base,
    choices: [{ index, delta, logprobs: toChoiceLogprobs(logprobs), finish_reason }],
  });
  const opened = new Set<number>();
  const counts: GenerationCounts[] = [];
  for await (const { index, event, logprobs } of mergeChoices(choices)) {
    // Not before the first event: until then a fault can still become a status of its own.
    if (!opened.has(index)) yield chunk(index, { role: "assistant", content: "" });
    opened.add(index);
    if (event.type === "done") {
      counts.push(event.counts);
      yield chunk(index, {}, logprobs, finishReason(event.reason));
    } else yield chunk(index, toDelta(event), logprobs);
  }
  if (includeUsage) yield { ...base, choices: [], usage: toUsage(counts) };
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

type Choice = OpenAiChatCompletion["choices"][number];

/** The whole of a chat completion that is not streamed. */
export const toOpenAiCompletion = async (
  choices: readonly AsyncIterable<GenerationEvent>[],
  { id, model, created }: OpenAiResponseOptions,
): Promise<OpenAiChatCompletion> => {
  const answers = choices.map(openAnswer);
  const counts: GenerationCounts[] = [];
  for await (const { index, event, logprobs } of mergeChoices(choices)) {
    answers[index]?.take(event, logprobs);
    if (event.type === "done") counts.push(event.counts);
  }
  const finished = answers.map((answer, index): Choice => ({ index, ...answer.finish() }));
  return { id, object: "chat.completion", created, model, choices: finished, usage: toUsage(counts) };
};

/** Puts the pieces of one answer together. */
const openAnswer = () => {
  let content = "";
  let reasoning = "";
  let reason: "stop" | "length" | "toolCalls" = "stop";
  const tokens: ChosenToken[] = [];
  const calls: { id: string; type: "function"; function: { name: string; arguments: string } }[] = [];
  return {
    take(event: WithLogprobs["event"], logprobs: ChosenToken[]) {
      tokens.push(...logprobs);
      if (event.type === "text") content += event.text;
      else if (event.type === "reasoning") reasoning += event.text;
      else if (event.type === "done") reason = event.reason;
      else {
        const { index, id = "", name = "" } = event;
        calls[index] ??= { id, type: "function", function: { name, arguments: "" } };
        const call = calls[index];
        if (call) call.function.arguments += event.arguments;
      }
    },
    finish: (): Omit<Choice, "index"> => ({
      message: {
        role: "assistant",
        content: content === "" && calls.length > 0 ? null : content,
        ...(reasoning ? { reasoning_content: reasoning } : {}),
        ...(calls.length ? { tool_calls: calls } : {}),
      },
      logprobs: toChoiceLogprobs(tokens),
      finish_reason: finishReason(reason),
    }),
  };
};
