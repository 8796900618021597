import { isRecord } from "../../core/json.ts";

type Json = Readonly<Record<string, unknown>>;

/** A piece of a prompt; what is no text is named by what identifies it, and says how many tokens it is about. */
export type PromptSegment = string | { readonly identity: string; readonly tokens: number };

/**
 * What a node will have to evaluate, piece by piece, the same pieces in the same order for the same beginning of a conversation: tools and
 * system message first, as templates have them. Of embeddings and rankings nothing stays in a cache that another request could use.
 */
export const promptSegments = (path: string, json: Json): PromptSegment[] => segmentsOf[path]?.(json) ?? [];

const segmentsOf: { [path: string]: (json: Json) => PromptSegment[] } = {
  "/v1/chat/completions": ({ tools, messages }) => [...textOf(tools), ...messagesOf(messages)],
  "/api/chat": ({ tools, messages }) => [...textOf(tools), ...messagesOf(messages)],
  "/v1/messages": ({ tools, system, messages }) => [...textOf(tools), ...textOf(system), ...messagesOf(messages)],
  "/v1/responses": ({ tools, instructions, input }) => [
    ...textOf(tools),
    ...textOf(instructions),
    ...(Array.isArray(input) ? messagesOf(input) : textOf(input)),
  ],
  "/v1/completions": ({ prompt }) => textOf(prompt),
  "/api/generate": ({ system, prompt }) => [...textOf(system), ...textOf(prompt)],
};

const messagesOf = (messages: unknown): PromptSegment[] => (Array.isArray(messages) ? messages.flatMap(messageOf) : []);

/** The common case without a detour over JSON. */
const messageOf = (message: unknown): PromptSegment[] => {
  if (!isRecord(message)) return [String(message)];
  const { role, content, images, ...more } = message;
  const head = Object.keys(more).length === 0 ? `${role}\n` : `${role}\n${JSON.stringify(more)}`;
  if (typeof content === "string" && images === undefined) return [head + content];
  const parts = [content, images].flat().filter((part) => part !== undefined && part !== null);
  return [head, ...parts.map((part) => (typeof part === "string" && part === content ? part : partOf(part)))];
};

const mediaTokens = 768; // between the 256 of a small vision tower and the 1,500 of a tiled one

const partOf = (part: unknown): PromptSegment => {
  if (isRecord(part) && typeof part.text === "string") return part.text;
  const text = JSON.stringify(part);
  if (isRecord(part) && part.type !== "image" && part.type !== "image_url" && part.type !== "input_image") return text;
  return { identity: `media ${text.length} ${Bun.hash.xxHash64(text)}`, tokens: mediaTokens };
};

const textOf = (value: unknown): string[] => {
  if (value === undefined || value === null || value === "") return [];
  return [typeof value === "string" ? value : JSON.stringify(value)];
};
