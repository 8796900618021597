import type {
  AnthropicCountRequest,
  AnthropicInputBlock,
  AnthropicMessageParam,
  AnthropicMessagesRequest,
  AnthropicTool,
  AnthropicToolResultBlock,
} from "../api/anthropic.ts";
import { AppError } from "../core/errors.ts";
import type { ChatMessage, ChatToolCall, GenerationInput, GenerationRequest } from "../core/generation.ts";
import { offerTools } from "./offer-tools.ts";
import { pickSampling, withDocumented } from "./pick-sampling.ts";

type ChatInput = Extract<GenerationInput, { kind: "chat" }>;

/** Translates `/v1/messages`. Throws `invalid_argument` for what cannot be done. */
export const fromAnthropicMessages = (request: AnthropicMessagesRequest): GenerationRequest => ({
  ...fromAnthropicCount(request),
  ...withDocumented(pickSampling(request, samplingNames)),
  maxTokens: request.max_tokens,
  ...(request.stop_sequences?.length ? { stop: request.stop_sequences } : {}),
});

/** Translates `/v1/messages/count_tokens`. Throws like `fromAnthropicMessages`. */
export const fromAnthropicCount = (request: AnthropicCountRequest): GenerationRequest => ({
  input: {
    kind: "chat",
    messages: [...toSystem(request.system), ...request.messages.flatMap(toMessages)],
    ...toTools(request),
    ...toThinking(request.thinking),
  },
  sampling: {},
});

const samplingNames = { temperature: "temperature", top_p: "topP", top_k: "topK" } as const;

const toSystem = (system: AnthropicCountRequest["system"]): ChatMessage[] => {
  const content = typeof system === "string" ? system : (system ?? []).map(({ text }) => text).join("\n\n");
  return content ? [{ role: "system", content }] : [];
};

/** A user's message with tool results is several for a template: each result, then what the user says. */
const toMessages = ({ role, content }: AnthropicMessageParam): ChatMessage[] => {
  const blocks = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  return role === "assistant" ? [toAssistant(blocks)] : toUser(blocks);
};

const toUser = (blocks: readonly AnthropicInputBlock[]): ChatMessage[] => {
  const results = blocks.filter((block) => block.type === "tool_result").map(toToolMessage);
  const rest = blocks.filter((block) => block.type !== "tool_result");
  if (rest.length === 0 && results.length > 0) return results;
  return [...results, { role: "user", content: toText(rest) }];
};

const toToolMessage = ({ tool_use_id, content = "", is_error }: AnthropicToolResultBlock): ChatMessage => {
  const text = typeof content === "string" ? content : toText(content);
  return { role: "tool", tool_call_id: tool_use_id, content: is_error ? `Error: ${text}` : text };
};

const toAssistant = (blocks: readonly AnthropicInputBlock[]): ChatMessage => {
  const thoughts = blocks.flatMap((block) => (block.type === "thinking" ? block.thinking : []));
  const calls = blocks.flatMap((block): ChatToolCall[] => {
    if (block.type !== "tool_use") return [];
    const { id, name, input } = block;
    return [{ id, type: "function", function: { name, arguments: JSON.stringify(input ?? {}) } }];
  });
  const text = toText(blocks.filter(({ type }) => !["thinking", "redacted_thinking", "tool_use"].includes(type)));
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(thoughts.length ? { reasoning_content: thoughts.join("\n") } : {}),
    ...(calls.length ? { tool_calls: calls } : {}),
  };
};

const toText = (blocks: readonly AnthropicInputBlock[]): string =>
  blocks
    .map((block) => {
      if (block.type === "text") return block.text;
      throw new AppError("invalid_argument", `content of type "${block.type}" is not supported by this model`);
    })
    .join("");

const toTools = ({ tools = [], tool_choice: choice }: AnthropicCountRequest) =>
  offerTools(tools.map(toTool), {
    choice: choice && (choice.type === "tool" ? { name: choice.name } : choices[choice.type]),
    parallel: choice?.disable_parallel_tool_use ? false : undefined,
  });

const choices = { auto: "auto", any: "required", none: "none" } as const;

const toTool = ({ name, description, input_schema: parameters, type }: AnthropicTool) => {
  if (type && type !== "custom")
    throw new AppError("invalid_argument", `tool "${name}" of type "${type}" runs at Anthropic only`);
  const details = { ...(description === undefined ? {} : { description }), ...(parameters ? { parameters } : {}) };
  return { type: "function" as const, function: { name, ...details } };
};

/** A budget is leave to think, not an order: a model that can does so by itself, and one that cannot is asked by the same clients. */
const toThinking = (thinking: AnthropicCountRequest["thinking"]): Pick<ChatInput, "thinking"> =>
  thinking?.type === "disabled" ? { thinking: false } : {};
