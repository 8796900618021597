import { isRecord } from "../core/json.ts";
import type { PromptSegment } from "../core/prompt-prefix.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * What a model will have to evaluate of a request's body, piece by piece, the same pieces in the same order for the same beginning of a
 * conversation: tools and system message first, as templates have them. The node and the router make them of the same body and so agree
 * on a prompt; a conversation of texts has the same ones in every API. Of embeddings and rankings nothing stays in a cache that another
 * request could use, and of what goes on from something that is not in the body nobody knows the beginning.
 */
export const promptSegments = (path: string, json: Json): PromptSegment[] => segmentsOf[path]?.(json) ?? [];

const chat = ({ tools, messages }: Json): PromptSegment[] => [...toolsOf(tools), ...messagesOf(messages)];

const segmentsOf: { [path: string]: (json: Json) => PromptSegment[] } = {
  "/v1/chat/completions": chat,
  "/api/chat": chat,
  "/v1/messages": ({ tools, system, messages }) => [
    ...toolsOf(tools),
    ...said("system", system),
    ...messagesOf(messages),
  ],
  "/v1/responses": ({ tools, instructions, input, previous_response_id: previous }) => {
    if (previous) return [];
    const messages = Array.isArray(input) ? messagesOf(input) : said("user", input);
    return [...toolsOf(tools), ...said("system", instructions), ...messages];
  },
  "/v1/completions": ({ prompt }) => (typeof prompt === "string" && prompt !== "" ? [prompt] : []),
  "/api/generate": ({ system, prompt, images, raw, template, context, suffix }) => {
    if (template || context || suffix) return [];
    if (raw) return typeof prompt === "string" ? [prompt] : [];
    return [...said("system", system), ...said("user", prompt, images)];
  },
};

const toolsOf = (tools: unknown): string[] =>
  Array.isArray(tools) && tools.length > 0 ? [`tools\n${JSON.stringify(tools)}`] : [];

const said = (role: string, content: unknown, images?: unknown): PromptSegment[] =>
  content === undefined || content === null || content === "" ? [] : messageOf({ role, content, images });

const messagesOf = (messages: unknown): PromptSegment[] => (Array.isArray(messages) ? messages.flatMap(messageOf) : []);

/** The common case, a text alone, without a detour over JSON. */
const messageOf = (message: unknown): PromptSegment[] => {
  if (!isRecord(message)) return [String(message)];
  const { role, content, images, type, ...more } = message;
  const kind = type === undefined || type === "message" ? "" : ` ${type}`; // the responses API has items that are no messages
  const head = `${role}${kind}\n${Object.keys(more).length === 0 ? "" : JSON.stringify(more)}`;
  if (typeof content === "string" && !images) return [head + content];
  const parts = typeof content === "string" ? [content] : listOf(content).map(partOf);
  return joined([head, ...parts, ...listOf(images).map(mediaOf)]);
};

const listOf = (value: unknown): unknown[] => (value === undefined || value === null ? [] : [value].flat());

/** Texts that follow each other as one: APIs differ in how they cut a message. */
const joined = (pieces: readonly PromptSegment[]): PromptSegment[] => {
  const all: PromptSegment[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (typeof piece === "string" && typeof last === "string") all[all.length - 1] = last + piece;
    else all.push(piece);
  }
  return all;
};

const mediaTokens = 768; // between the 256 of a small vision tower and the 1,500 of a tiled one

const mediaOf = (file: unknown): PromptSegment => {
  const text = typeof file === "string" ? file : JSON.stringify(file);
  return { identity: `media ${text.length} ${Bun.hash.xxHash64(text)}`, tokens: mediaTokens };
};

const partOf = (part: unknown): PromptSegment => {
  if (!isRecord(part)) return String(part);
  if (typeof part.text === "string") return part.text;
  return /^(input_)?(image|audio)/.test(String(part.type)) ? mediaOf(part) : JSON.stringify(part);
};
