import type {
  ResponsesContentPart,
  ResponsesImagePart,
  ResponsesInputItem,
  ResponsesRequest,
  ResponsesTool,
} from "../api/openai-responses.ts";
import { AppError } from "../core/errors.ts";
import type {
  ChatMessage,
  ContentPart,
  GenerationInput,
  GenerationRequest,
  SamplingOptions,
} from "../core/generation.ts";
import { fromImageUrl, type ImageByUrl, refuseImageUrl, toContent } from "./media.ts";
import { offerTools } from "./offer-tools.ts";
import { openAiLimit, openAiSampling } from "./openai-sampling.ts";

type ChatInput = Extract<GenerationInput, { kind: "chat" }>;

/** Translates `/v1/responses`; `messages` are the conversation with what its input adds. Throws `invalid_argument` for what cannot be done. */
export const fromResponses = (request: ResponsesRequest, messages: readonly ChatMessage[]): GenerationRequest => {
  const { instructions } = request;
  const { sampling, assumed } = openAiSampling(request);
  return {
    input: {
      kind: "chat",
      messages: [...(instructions ? [{ role: "system" as const, content: instructions }] : []), ...messages],
      ...toTools(request),
      ...toThinking(request),
    },
    sampling: { ...sampling, ...toSchema(request) },
    ...(assumed && { assumed }),
    ...openAiLimit(request.max_output_tokens),
  };
};

/** The messages that a request's or a response's items are. Reasoning belongs to what the assistant says next. */
export const inputMessages = (
  input: string | readonly ResponsesInputItem[],
  imageByUrl: ImageByUrl = refuseImageUrl,
): ChatMessage[] => {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const messages: ChatMessage[] = [];
  let thoughts = "";
  for (const item of input) {
    if (item.type === "reasoning") {
      thoughts = (item.content ?? item.summary).map(({ text }) => text).join("\n");
      continue;
    }
    const message = toMessage(item, imageByUrl);
    const last = messages.at(-1);
    // Calls that were made together, and the text before them, are one message for a template.
    if (message.role === "assistant" && last?.role === "assistant" && message.tool_calls)
      last.tool_calls = [...(last.tool_calls ?? []), ...message.tool_calls];
    else
      messages.push(thoughts && message.role === "assistant" ? { ...message, reasoning_content: thoughts } : message);
    thoughts = "";
  }
  return messages;
};

const toMessage = (item: Exclude<ResponsesInputItem, { type: "reasoning" }>, imageByUrl: ImageByUrl): ChatMessage => {
  if (item.type === "function_call_output")
    return { role: "tool", tool_call_id: item.call_id, content: toItemContent(item.output, imageByUrl) };
  if (item.type === "function_call") {
    const { call_id: id, name, arguments: text } = item;
    const call = { id, type: "function" as const, function: { name, arguments: text } };
    return { role: "assistant", content: null, tool_calls: [call] };
  }
  if (item.type !== undefined && item.type !== "message")
    throw new AppError(
      "invalid_argument",
      `an input item of type "${(item as { type: string }).type}" is not supported`,
    );
  return { role: item.role === "developer" ? "system" : item.role, content: toItemContent(item.content, imageByUrl) };
};

const toItemContent = (content: string | ResponsesContentPart[], imageByUrl: ImageByUrl): ChatMessage["content"] =>
  typeof content === "string" ? content : toContent(content.map((part) => toPart(part, imageByUrl)));

const toPart = (part: ResponsesContentPart, imageByUrl: ImageByUrl): ContentPart => {
  if ("text" in part) return { type: "text", text: part.text };
  if (part.type !== "input_image")
    throw new AppError("invalid_argument", `content of type "${part.type}" is not supported`);
  const { image_url, file_id } = part as ResponsesImagePart;
  if (!image_url && file_id) throw new AppError("invalid_argument", "files are kept at OpenAI only: send image_url");
  return fromImageUrl(image_url, imageByUrl, "image_url");
};

const toTools = ({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ResponsesRequest) =>
  offerTools((tools ?? []).map(toTool), {
    choice: typeof choice === "object" && choice ? { name: choice.name } : (choice ?? undefined),
    parallel,
  });

const toTool = ({ type, name, description, parameters }: ResponsesTool) => {
  if (type !== "function" || name === undefined)
    throw new AppError("invalid_argument", `a tool of type "${type}" runs at OpenAI only`);
  const details = { ...(description ? { description } : {}), ...(parameters ? { parameters } : {}) };
  return { type: "function" as const, function: { name, ...details } };
};

const toThinking = ({ reasoning }: ResponsesRequest): Pick<ChatInput, "thinking" | "reasoningEffort"> => {
  const effort = reasoning?.effort;
  if (!effort) return {};
  if (effort === "none") return { thinking: false };
  return { thinking: true, reasoningEffort: effort === "minimal" ? "low" : effort };
};

const toSchema = ({ text }: ResponsesRequest): Pick<SamplingOptions, "jsonSchema"> => {
  const format = text?.format;
  if (format?.type === "json_object") return { jsonSchema: { type: "object" } };
  if (format?.type === "json_schema") return { jsonSchema: format.schema ?? {} };
  return {};
};
