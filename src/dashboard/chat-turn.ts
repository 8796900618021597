/** One turn of the chat page. */
export interface Turn {
  role: "user" | "assistant";
  content: string;
  reasoning?: string;
  /** Data URLs. */
  images?: readonly string[];
  /** How the answer came about, or why there is none. */
  note?: string;
  failed?: boolean;
}

/** What matters here of a chunk of OpenAI's stream. */
export interface ChatChunk {
  choices?: { delta?: { content?: string | null; reasoning_content?: string | null; reasoning?: string | null } }[];
  usage?: { completion_tokens?: number } | null;
}

/** The conversation as OpenAI's API takes it: without failed turns, and without what the model only thought. */
export const toMessages = (turns: readonly Turn[]) =>
  turns
    .filter(({ failed, content, images }) => !failed && (content !== "" || images?.length))
    .map(({ role, content, images }) => ({
      role,
      content: images?.length
        ? [
            ...(content ? [{ type: "text", text: content }] : []),
            ...images.map((url) => ({ type: "image_url", image_url: { url } })),
          ]
        : content,
    }));

/** The answer with one more piece. */
export const withChunk = (turn: Turn, { choices }: ChatChunk): Turn => {
  const delta = choices?.[0]?.delta;
  const reasoning = delta?.reasoning_content ?? delta?.reasoning ?? "";
  return {
    ...turn,
    content: turn.content + (delta?.content ?? ""),
    ...((turn.reasoning || reasoning) && { reasoning: (turn.reasoning ?? "") + reasoning }),
  };
};
