import type { ChatMessage, ContentPart, GenerationInput, MediaPart } from "./generation.ts";

/** The pictures and sounds of a request, in their order. */
export const mediaParts = (input: GenerationInput): MediaPart[] =>
  input.kind === "text"
    ? (input.media ?? [])
    : input.messages.flatMap(({ content }) => (Array.isArray(content) ? content.filter(isMedia) : []));

/** The same request with every picture and sound replaced; `replacements` are in the order of `mediaParts`. */
export const withMediaParts = (input: GenerationInput, replacements: readonly MediaPart[]): GenerationInput => {
  if (input.kind === "text") return { ...input, media: [...replacements] };
  let next = 0;
  const replaced = (part: ContentPart): ContentPart => (isMedia(part) ? (replacements[next++] ?? part) : part);
  const messages = input.messages.map(
    (message): ChatMessage =>
      Array.isArray(message.content) ? { ...message, content: message.content.map(replaced) } : message,
  );
  return { ...input, messages };
};

const isMedia = (part: ContentPart): part is MediaPart => part.type !== "text";
