/**
 * The one generation request and event stream: dialects translate to and from it, the runner produces it.
 * Shapes inside `messages` and `tools` are OpenAI's chat completion shapes, because llama.cpp's common/chat takes those.
 */

import type { PromptPrefix } from "./prompt-prefix.ts";

export interface ChatToolCall {
  id?: string;
  type: "function";
  /** `arguments` is JSON text, as OpenAI sends it. */
  function: { name: string; arguments: string };
}

/** A picture or a sound as the file that the client sent; see `core/media-file.ts` for what is let through. */
export interface MediaPart {
  type: "image" | "audio";
  /** The encoded file: PNG, JPEG, WAV... */
  data: Uint8Array;
}

export type ContentPart = { type: "text"; text: string } | MediaPart;

export interface ChatMessage {
  role: "system" | "user" | "assistant" | "tool" | "developer";
  /** Parts only where a message carries media: text alone is always a string. */
  content: string | ContentPart[] | null;
  /** The model's own earlier reasoning, for templates that render it. */
  reasoning_content?: string;
  tool_calls?: ChatToolCall[];
  tool_call_id?: string;
  /** Name of the tool whose result a `tool` message carries. */
  name?: string;
}

export interface ToolDefinition {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown> };
}

/** Sampler settings; what is absent takes the runner's default (Ollama's: see `defaultSampling`). */
export interface SamplingOptions {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  typicalP?: number;
  repeatPenalty?: number;
  /** Tokens looked back on by the penalties; 0 = off, -1 = context length. */
  repeatLastN?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  /** Same seed, same text. Absent or negative = random. */
  seed?: number;
  /** Added to the logits of tokens, by token id; from -100 (hardly ever) to 100 (nearly always). */
  logitBias?: Readonly<Record<string, number>>;
  /** GBNF text; exclusive with `jsonSchema`. */
  grammar?: string;
  /** JSON schema that the answer must satisfy; `{}` = any JSON. */
  jsonSchema?: Record<string, unknown>;
}

/** What happens when prompt and answer do not fit into the context. Absent flags: an error for the prompt, `length` for the answer. */
export interface ContextOverflow {
  /** A prompt that is too long loses its oldest turns (the system prompt and the last turn stay); a text its beginning. */
  truncatePrompt?: boolean;
  /** An answer that fills the context goes on: the older half of what follows the first `keepTokens` is forgotten. */
  shift?: boolean;
  /** Tokens at the beginning of the prompt that a shift or the truncation of a text keeps; -1 = the whole prompt. Default 4. */
  keepTokens?: number;
}

export type GenerationInput =
  | {
      kind: "chat";
      messages: ChatMessage[];
      /** Tokens of the conversation so far, as an earlier `done` told them: the messages go on from there. */
      context?: number[];
      tools?: ToolDefinition[];
      toolChoice?: "auto" | "none" | "required";
      /** False = at most one tool call. Absent = as many as the model's format allows. */
      parallelToolCalls?: boolean;
      /** Absent = what the template does by itself. */
      thinking?: boolean;
      reasoningEffort?: "low" | "medium" | "high";
    }
  /** Text is tokenized with special tokens parsed and a BOS where the model wants one; nothing else is added. */
  | {
      kind: "text";
      text: string;
      /** What follows the gap after `text` that the model is to fill (fill in the middle). Absent = there is no gap. */
      suffix?: string;
      /** As with a chat: what `text` comes after. */
      context?: number[];
      /** Shown to the model before `text`, in this order. */
      media?: MediaPart[];
    };

export interface GenerationRequest {
  input: GenerationInput;
  sampling: SamplingOptions;
  /** Settings in `sampling` that the API assumes where the request is silent: a model's own defaults go before them. */
  assumed?: readonly (keyof SamplingOptions)[];
  /** Most tokens to generate; absent = until the model stops or the context is full. Infinity = so against a model's own default too. */
  maxTokens?: number;
  /** Text that ends the answer and is never part of it. */
  stop?: string[];
  /** Most tokens of prompt and answer together; absent, or more than a slot holds = what a slot holds. */
  contextTokens?: number;
  /** Tell the probability of every token, and of this many likelier or other ones at its place; absent = of none. */
  topLogprobs?: number;
  /** The end tells the tokens of prompt and answer. */
  tellTokens?: boolean;
  overflow?: ContextOverflow;
  /** What tells this prompt from others without saying anything of it, for the node's report of what its models have in their caches. */
  prefix?: PromptPrefix;
}

export interface GenerationCounts {
  promptTokens: number;
  /** Prompt tokens that were not evaluated again. */
  cachedTokens: number;
  completionTokens: number;
  /** Time spent on evaluating the prompt, in milliseconds. */
  promptMs: number;
  /** Time spent on generating, in milliseconds. */
  generationMs: number;
}

/** One token that could have been chosen. `logprob`: natural logarithm of its probability before sampling options narrow the choice. */
export interface TokenLogprob {
  id: number;
  /** Of its text; one token may be only a part of a character. */
  bytes: Uint8Array;
  logprob: number;
}

export interface ChosenToken extends TokenLogprob {
  /** The likeliest first; as many as were asked for. */
  top: TokenLogprob[];
}

export type GenerationEvent =
  /** Always first: the prompt has been evaluated. */
  | { type: "started"; promptTokens: number; cachedTokens: number }
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** A piece of tool call number `index`: id and name come once, with its first piece; `arguments` is the next piece of its JSON text. */
  | { type: "toolCall"; index: number; id?: string; name?: string; arguments: string }
  /** The tokens behind the text events that follow; only when they were asked for. */
  | { type: "logprobs"; tokens: ChosenToken[] }
  /** Always last when nothing went wrong; a fault is a thrown AppError instead. */
  | {
      type: "done";
      reason: "stop" | "length" | "toolCalls";
      /** The stop string that ended it, if one did. */
      stopText?: string;
      counts: GenerationCounts;
      /** Of prompt and answer, to go on from; only when they were asked for. */
      tokens?: Int32Array;
    };
