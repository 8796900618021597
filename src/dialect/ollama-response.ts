import type {
  OllamaChatResponse,
  OllamaGenerateResponse,
  OllamaLogprob,
  OllamaMessage,
  OllamaMetrics,
  OllamaToolCall,
} from "../api/ollama.ts";
import type { ChosenToken, GenerationCounts, GenerationEvent } from "../core/generation.ts";
import { toLogprobs, withLogprobs } from "./logprobs.ts";
import { parseToolArguments } from "./tool-arguments.ts";

export interface OllamaResponseOptions {
  model: string;
  /** Milliseconds that the request waited for its model to be loaded. */
  loadMs: number;
  /** Milliseconds since the epoch at which the request arrived. */
  startMs: number;
  now(): number;
}

type DoneEvent = Extract<GenerationEvent, { type: "done" }>;

/** The records of a streamed `/api/chat`, the last with `done: true` and the statistics. */
export async function* toOllamaChat(
  events: AsyncIterable<GenerationEvent>,
  options: OllamaResponseOptions,
): AsyncGenerator<OllamaChatResponse> {
  const record = (message: Partial<OllamaMessage>, logprobs: ChosenToken[] = []): OllamaChatResponse => ({
    model: options.model,
    created_at: timestamp(options),
    message: { role: "assistant", content: "", ...message },
    ...tokensOf(logprobs),
    done: false,
  });
  const calls = createCallCollector();
  for await (const { event, logprobs } of withLogprobs(events)) {
    const complete = calls.take(event);
    if (complete.length > 0) yield record({ tool_calls: complete });
    if (event.type === "text") yield record({ content: event.text }, logprobs);
    else if (event.type === "reasoning") yield record({ thinking: event.text }, logprobs);
    else if (event.type === "done") yield { ...record({}, logprobs), ...finish(event, options) };
  }
}

/** The records of a streamed `/api/generate`. */
export async function* toOllamaGenerate(
  events: AsyncIterable<GenerationEvent>,
  options: OllamaResponseOptions,
): AsyncGenerator<OllamaGenerateResponse> {
  const record = (
    piece: Pick<OllamaGenerateResponse, "thinking"> & { response?: string },
    logprobs: ChosenToken[],
  ): OllamaGenerateResponse => ({
    model: options.model,
    created_at: timestamp(options),
    response: "",
    ...piece,
    ...tokensOf(logprobs),
    done: false,
  });
  for await (const { event, logprobs } of withLogprobs(events)) {
    if (event.type === "text") yield record({ response: event.text }, logprobs);
    else if (event.type === "reasoning") yield record({ thinking: event.text }, logprobs);
    else if (event.type === "done")
      yield {
        ...record({}, logprobs),
        ...finish(event, options),
        ...(event.tokens && { context: [...event.tokens] }),
      };
  }
}

/** The one response of a chat that is not streamed: all pieces in its message. */
export const joinOllamaChat = async (
  records: AsyncIterable<OllamaChatResponse>,
): Promise<OllamaChatResponse | undefined> => {
  let last: OllamaChatResponse | undefined;
  let content = "";
  let thinking = "";
  const logprobs: OllamaLogprob[] = [];
  const toolCalls: OllamaToolCall[] = [];
  for await (const record of records) {
    content += record.message.content;
    thinking += record.message.thinking ?? "";
    logprobs.push(...(record.logprobs ?? []));
    toolCalls.push(...(record.message.tool_calls ?? []));
    last = record;
  }
  if (!last) return undefined;
  const message: OllamaMessage = {
    role: "assistant",
    content,
    ...(thinking ? { thinking } : {}),
    ...(toolCalls.length ? { tool_calls: toolCalls } : {}),
  };
  return { ...last, message, ...(logprobs.length ? { logprobs } : {}) };
};

/** The one response of a generation that is not streamed. */
export const joinOllamaGenerate = async (
  records: AsyncIterable<OllamaGenerateResponse>,
): Promise<OllamaGenerateResponse | undefined> => {
  let last: OllamaGenerateResponse | undefined;
  let response = "";
  let thinking = "";
  const logprobs: OllamaLogprob[] = [];
  for await (const record of records) {
    response += record.response;
    thinking += record.thinking ?? "";
    logprobs.push(...(record.logprobs ?? []));
    last = record;
  }
  if (!last) return undefined;
  return { ...last, response, ...(thinking ? { thinking } : {}), ...(logprobs.length ? { logprobs } : {}) };
};

const tokensOf = (logprobs: ChosenToken[]) => (logprobs.length > 0 ? { logprobs: toLogprobs(logprobs) } : {});

const timestamp = ({ now }: OllamaResponseOptions) => new Date(now()).toISOString();

const finish = (event: DoneEvent, options: OllamaResponseOptions) => ({
  done: true,
  done_reason: event.reason === "length" ? ("length" as const) : ("stop" as const),
  ...toMetrics(event.counts, options),
});

const nanoseconds = (ms: number) => Math.round(ms * 1e6);

const toMetrics = (counts: GenerationCounts, { loadMs, startMs, now }: OllamaResponseOptions): OllamaMetrics => ({
  total_duration: nanoseconds(now() - startMs),
  load_duration: nanoseconds(loadMs),
  prompt_eval_count: counts.promptTokens,
  prompt_eval_duration: nanoseconds(counts.promptMs),
  eval_count: counts.completionTokens,
  eval_duration: nanoseconds(counts.generationMs),
});

/** Ollama sends each tool call whole, the runner sends it in pieces: a call is complete when the next one or the end comes. */
const createCallCollector = () => {
  let open: { index: number; id?: string; name: string; arguments: string } | undefined;
  const close = (): OllamaToolCall[] => {
    if (!open) return [];
    const { id, index, name } = open;
    const call = { ...(id ? { id } : {}), function: { index, name, arguments: parseToolArguments(open.arguments) } };
    open = undefined;
    return [call];
  };
  return {
    /** The calls that this event completes. */
    take(event: GenerationEvent): OllamaToolCall[] {
      if (event.type === "done") return close();
      if (event.type !== "toolCall") return [];
      const complete = open && open.index !== event.index ? close() : [];
      open ??= { index: event.index, name: "", arguments: "" };
      open.name += event.name ?? "";
      open.arguments += event.arguments;
      if (event.id) open.id = event.id;
      return complete;
    },
  };
};
