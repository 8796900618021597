import type {
  AnthropicContentBlock,
  AnthropicDelta,
  AnthropicEvent,
  AnthropicMessage,
  AnthropicStopReason,
  AnthropicUsage,
} from "../api/anthropic.ts";
import type { GenerationEvent } from "../core/generation.ts";
import { parseToolArguments } from "./tool-arguments.ts";

export interface AnthropicResponseOptions {
  id: string;
  model: string;
  /** What the request asked for; a template's own stop strings are nobody's business. */
  stopSequences: readonly string[];
}

type Event<T extends GenerationEvent["type"]> = Extract<GenerationEvent, { type: T }>;

/** The events of a streamed message: its start, its blocks one after the other, and why it ended. */
export async function* toAnthropicEvents(
  events: AsyncIterable<GenerationEvent>,
  options: AnthropicResponseOptions,
): AsyncGenerator<AnthropicEvent> {
  let index = -1;
  let open: string | undefined;
  for await (const event of events) {
    if (event.type === "started") {
      yield { type: "message_start", message: emptyMessage(event, options) };
      continue;
    }
    if (event.type === "logprobs") continue;
    const block = event.type === "done" ? undefined : blockOf(event);
    if (open !== undefined && block?.key !== open) yield { type: "content_block_stop", index };
    if (block && block.key !== open) yield { type: "content_block_start", index: ++index, content_block: block.empty };
    open = block?.key;
    if (block?.delta) yield { type: "content_block_delta", index, delta: block.delta };
    if (event.type !== "done") continue;
    const { stop_reason, stop_sequence } = ending(event, options);
    yield { type: "message_delta", delta: { stop_reason, stop_sequence }, usage: usageOf(event.counts) };
    yield { type: "message_stop" };
  }
}

const emptyMessage = (
  { promptTokens, cachedTokens }: Event<"started">,
  { id, model }: AnthropicResponseOptions,
): AnthropicMessage => ({
  ...{ id, type: "message", role: "assistant", model, content: [] },
  ...{ stop_reason: null, stop_sequence: null },
  usage: usageOf({ promptTokens, cachedTokens, completionTokens: 0 }),
});

interface Block {
  /** Tells blocks apart: pieces with the same key belong to one. */
  key: string;
  empty: AnthropicContentBlock;
  delta?: AnthropicDelta;
}

const blockOf = (event: Event<"text" | "reasoning" | "toolCall">): Block => {
  if (event.type === "text")
    return { key: "text", empty: { type: "text", text: "" }, delta: { type: "text_delta", text: event.text } };
  if (event.type === "reasoning") {
    const empty = { type: "thinking" as const, thinking: "", signature: "" };
    return { key: "thinking", empty, delta: { type: "thinking_delta", thinking: event.text } };
  }
  const { index, id = "", name = "", arguments: json } = event;
  return {
    key: `tool ${index}`,
    empty: { type: "tool_use", id, name, input: {} },
    ...(json ? { delta: { type: "input_json_delta", partial_json: json } } : {}),
  };
};

/** The whole of a message that is not streamed. */
export const toAnthropicMessage = async (
  events: AsyncIterable<AnthropicEvent>,
): Promise<AnthropicMessage | undefined> => {
  let message: AnthropicMessage | undefined;
  let json = "";
  for await (const event of events) {
    if (event.type === "message_start") message = event.message;
    if (event.type === "content_block_start") {
      message?.content.push(event.content_block);
      json = "";
    }
    if (event.type === "content_block_delta") {
      const block = message?.content.at(-1);
      if (event.delta.type === "input_json_delta") json += event.delta.partial_json;
      else if (block?.type === "text" && event.delta.type === "text_delta") block.text += event.delta.text;
      else if (block?.type === "thinking" && event.delta.type === "thinking_delta")
        block.thinking += event.delta.thinking;
    }
    if (event.type === "content_block_stop") {
      const block = message?.content.at(-1);
      if (block?.type === "tool_use") block.input = parseToolArguments(json);
    }
    if (event.type === "message_delta" && message) Object.assign(message, event.delta, { usage: event.usage });
  }
  return message;
};

const ending = (
  { reason, stopText }: Event<"done">,
  { stopSequences }: AnthropicResponseOptions,
): { stop_reason: AnthropicStopReason; stop_sequence: string | null } => {
  if (reason === "length") return { stop_reason: "max_tokens", stop_sequence: null };
  if (reason === "toolCalls") return { stop_reason: "tool_use", stop_sequence: null };
  const asked = stopText !== undefined && stopSequences.includes(stopText);
  return asked
    ? { stop_reason: "stop_sequence", stop_sequence: stopText }
    : { stop_reason: "end_turn", stop_sequence: null };
};

const usageOf = (counts: { promptTokens: number; cachedTokens: number; completionTokens: number }): AnthropicUsage => ({
  input_tokens: counts.promptTokens - counts.cachedTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: counts.cachedTokens,
  output_tokens: counts.completionTokens,
});
