import type {
  AnthropicCountRequest,
  AnthropicImageBlock,
  AnthropicInputBlock,
  AnthropicMessageParam,
  AnthropicMessagesRequest,
  AnthropicTool,
  AnthropicToolResultBlock,
} from "../api/anthropic.ts";
import { AppError } from "../core/errors.ts";
import type { ChatMessage, ChatToolCall, ContentPart, GenerationInput, GenerationRequest } from "../core/generation.ts";
import { checkImageType, decodeBase64, fromImageUrl, type ImageByUrl, refuseImageUrl, toContent } from "./media.ts";
import { offerTools } from "./offer-tools.ts";
import { pickSampling, withDocumented } from "./pick-sampling.ts";

type ChatInput = Extract<GenerationInput, { kind: "chat" }>;

/** Translates `/v1/messages`. Throws `invalid_argument` for what cannot be done. */
export const fromAnthropicMessages = (
  request: AnthropicMessagesRequest,
  imageByUrl: ImageByUrl = refuseImageUrl,
): GenerationRequest => ({
  ...fromAnthropicCount(request, imageByUrl),
  ...withDocumented(pickSampling(request, samplingNames)),
  maxTokens: request.max_tokens,
  ...(request.stop_sequences?.length ? { stop: request.stop_sequences } : {}),
});

/** Translates `/v1/messages/count_tokens`. Throws like `fromAnthropicMessages`. */
export const fromAnthropicCount = (
  request: AnthropicCountRequest,
  imageByUrl: ImageByUrl = refuseImageUrl,
): GenerationRequest => ({
  input: {
    kind: "chat",
    messages: [...toSystem(request.system), ...request.messages.flatMap((message) => toMessages(message, imageByUrl))],
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

const toMessages = ({ role, content }: AnthropicMessageParam, imageByUrl: ImageByUrl): ChatMessage[] => {
  const blocks = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  return role === "assistant" ? [toAssistant(blocks)] : toUser(blocks, imageByUrl);
};

/** A user's message with tool results is several for a template: each result, then what the user says. */
const toUser = (blocks: readonly AnthropicInputBlock[], imageByUrl: ImageByUrl): ChatMessage[] => {
  const results = blocks
    .filter((block) => block.type === "tool_result")
    .map((block) => toToolMessage(block, imageByUrl));
  const rest = blocks.filter((block) => block.type !== "tool_result");
  if (rest.length === 0 && results.length > 0) return results;
  return [...results, { role: "user", content: toContent(rest.map((block) => toPart(block, imageByUrl))) }];
};

const toToolMessage = (
  { tool_use_id, content = "", is_error }: AnthropicToolResultBlock,
  imageByUrl: ImageByUrl,
): ChatMessage => {
  const blocks = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  const error = is_error ? [{ type: "text" as const, text: "Error: " }] : [];
  const parts = [...error, ...blocks.map((block) => toPart(block, imageByUrl))];
  return { role: "tool", tool_call_id: tool_use_id, content: toContent(parts) };
};

const toPart = (block: AnthropicInputBlock, imageByUrl: ImageByUrl): ContentPart => {
  if (block.type === "text") return { type: "text", text: block.text };
  if (block.type === "image") return toImage(block.source, imageByUrl);
  throw new AppError("invalid_argument", `content of type "${block.type}" is not supported`);
};

const toImage = (source: AnthropicImageBlock["source"], imageByUrl: ImageByUrl): ContentPart => {
  if (source?.type === "url") return fromImageUrl(source.url, imageByUrl, "source.url");
  if (source?.type !== "base64")
    throw new AppError("invalid_argument", 'invalid "source" of an image: expected type "base64" or "url"');
  checkImageType(source.media_type);
  return { type: "image", data: decodeBase64(source.data, "source.data") };
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
      throw new AppError("invalid_argument", `content of type "${block.type}" is not supported here`);
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
