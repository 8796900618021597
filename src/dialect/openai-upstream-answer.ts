import type { GenerationEvent, TokenLogprob } from "../core/generation.ts";

/** What servers of OpenAI's API send, one piece or all at once; every field may be missing. */
export interface UpstreamChunk {
  choices?: {
    /** Of a chat: the next piece, or the whole. */
    delta?: UpstreamMessage | null;
    message?: UpstreamMessage | null;
    /** Of a completion. */
    text?: string | null;
    finish_reason?: string | null;
    /** vLLM's: the stop string. */
    stop_reason?: string | number | null;
    logprobs?: { content?: UpstreamLogprob[] | null } | null;
  }[];
  usage?: {
    prompt_tokens?: number;
    completion_tokens?: number;
    prompt_tokens_details?: { cached_tokens?: number | null } | null;
  } | null;
}

interface UpstreamMessage {
  content?: string | null;
  /** As DeepSeek, llama-server and older vLLM name it. */
  reasoning_content?: string | null;
  /** As Ollama, LM Studio and newer vLLM name it. */
  reasoning?: string | null;
  tool_calls?: UpstreamToolCall[] | null;
}

interface UpstreamToolCall {
  index?: number;
  id?: string | null;
  function?: { name?: string | null; arguments?: string | null };
}

interface UpstreamLogprob {
  token: string;
  bytes?: number[] | null;
  logprob: number;
  top_logprobs?: UpstreamLogprob[];
}

/**
 * The events of an answer of another server, which was asked at `startMs`. Counts come with its end, so `started` knows none; it waits for
 * the first chunk, so that a fault before that has a status of its own. Throws a TypeError for fields of other types than the API's.
 */
export async function* fromOpenAiAnswer(
  chunks: AsyncIterable<UpstreamChunk>,
  { now, startMs }: { now(): number; startMs: number },
): AsyncGenerator<GenerationEvent> {
  let started = false;
  let firstMs: number | undefined;
  let pieces = 0;
  let finish: string | undefined;
  let stopText: string | undefined;
  let usage: NonNullable<UpstreamChunk["usage"]> = {};
  const calls = createCallNumbers();
  for await (const chunk of chunks) {
    if (!started) yield { type: "started", promptTokens: 0, cachedTokens: 0 };
    started = true;
    usage = countsOf(chunk.usage) ?? usage;
    const [choice] = chunk.choices ?? [];
    if (!choice) continue;
    const tokens = choice.logprobs?.content ?? [];
    if (tokens.length > 0) yield { type: "logprobs", tokens: tokens.map(toChosen) };
    for (const event of toEvents(choice.delta ?? choice.message ?? { content: textOf(choice.text) ?? "" }, calls)) {
      firstMs ??= now();
      pieces++;
      yield event;
    }
    finish = choice.finish_reason ?? finish;
    if (typeof choice.stop_reason === "string") stopText = choice.stop_reason;
  }
  const endMs = now();
  if (!started) yield { type: "started", promptTokens: 0, cachedTokens: 0 };
  yield {
    type: "done",
    reason: finish === "length" ? "length" : calls.count > 0 ? "toolCalls" : "stop",
    ...(stopText !== undefined && { stopText }),
    counts: {
      promptTokens: usage.prompt_tokens ?? 0,
      cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      completionTokens: usage.completion_tokens ?? pieces,
      promptMs: (firstMs ?? endMs) - startMs,
      generationMs: endMs - (firstMs ?? endMs),
    },
  };
}

type Calls = ReturnType<typeof createCallNumbers>;

/** Some servers number their calls, some only give each an id. */
const createCallNumbers = () => {
  let count = 0;
  return {
    get count() {
      return count;
    },
    place({ index, id }: UpstreamToolCall): { index: number; isNew: boolean } {
      const at = numberOf(index) ?? (id || count === 0 ? count : count - 1);
      const isNew = at >= count;
      count = Math.max(count, at + 1);
      return { index: at, isNew };
    },
  };
};

function* toEvents(message: UpstreamMessage, calls: Calls): Generator<GenerationEvent> {
  const thoughts = textOf(message.reasoning_content ?? message.reasoning);
  if (thoughts) yield { type: "reasoning", text: thoughts };
  const content = textOf(message.content);
  if (content) yield { type: "text", text: content };
  for (const call of message.tool_calls ?? []) {
    const { index, isNew } = calls.place(call);
    const first = isNew && { id: textOf(call.id) || `call_${index}`, name: textOf(call.function?.name) ?? "" };
    yield { type: "toolCall", index, ...first, arguments: textOf(call.function?.arguments) ?? "" };
  }
}

const textOf = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new TypeError("a text is none");
  return value;
};

const numberOf = (value: unknown): number | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw new TypeError("a number is none");
  return value;
};

const countsOf = (usage: UpstreamChunk["usage"]): UpstreamChunk["usage"] => {
  for (const count of [usage?.prompt_tokens, usage?.completion_tokens, usage?.prompt_tokens_details?.cached_tokens])
    numberOf(count);
  return usage;
};

const encoder = new TextEncoder();

const toToken = ({ token, bytes, logprob }: UpstreamLogprob): TokenLogprob => ({
  id: -1, // not told
  bytes: bytes ? Uint8Array.from(bytes) : encoder.encode(textOf(token)),
  logprob: numberOf(logprob) ?? 0,
});

const toChosen = (token: UpstreamLogprob) => ({ ...toToken(token), top: (token.top_logprobs ?? []).map(toToken) });
