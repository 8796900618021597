/** Wire types of OpenAI's API, the part that the node serves (https://platform.openai.com/docs/api-reference). */

export interface OpenAiContentPart {
  type: string;
  text?: string;
  /** A data URL, or an address of the web where the node fetches from there; some clients send it bare. */
  image_url?: string | { url: string; detail?: string };
  /** Base64; `format` is `wav` or `mp3`. */
  input_audio?: { data: string; format: string };
}

export interface OpenAiMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  content?: string | OpenAiContentPart[] | null;
  reasoning_content?: string;
  tool_calls?: { id?: string; type: "function"; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
  name?: string;
}

/** Sampler settings that chats and completions share. */
export interface OpenAiSampling {
  temperature?: number | null;
  top_p?: number | null;
  /** Not OpenAI's, but llama-server's, vLLM's and Ollama's clients send these. */
  top_k?: number;
  min_p?: number;
  repeat_penalty?: number;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  seed?: number | null;
  /** By token id. */
  logit_bias?: Record<string, number> | null;
}

export interface OpenAiChatRequest extends OpenAiSampling {
  model: string;
  messages: OpenAiMessage[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  /** Answers of the same prompt. */
  n?: number | null;
  stop?: string | string[] | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  tools?: {
    type: "function";
    function: { name: string; description?: string; parameters?: Record<string, unknown> };
  }[];
  tool_choice?: "none" | "auto" | "required" | { type: "function"; function: { name: string } };
  parallel_tool_calls?: boolean | null;
  response_format?:
    | { type: "text" }
    | { type: "json_object" }
    | { type: "json_schema"; json_schema: { name: string; schema?: Record<string, unknown> } };
  logprobs?: boolean | null;
  /** Likeliest tokens to tell beside each chosen one, 0 to 20; needs `logprobs`. */
  top_logprobs?: number | null;
  reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | null;
}

export interface OpenAiToolCallDelta {
  index: number;
  id?: string;
  type?: "function";
  function: { name?: string; arguments: string };
}

export interface OpenAiTokenLogprob {
  token: string;
  logprob: number;
  /** UTF-8; a token may be only a part of a character. */
  bytes: number[];
}

export interface OpenAiLogprobs {
  content: (OpenAiTokenLogprob & { top_logprobs: OpenAiTokenLogprob[] })[];
  refusal: null;
}

export type OpenAiFinishReason = "stop" | "length" | "tool_calls";

export interface OpenAiUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
}

export interface OpenAiChatChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: {
    index: number;
    delta: { role?: "assistant"; content?: string; reasoning_content?: string; tool_calls?: OpenAiToolCallDelta[] };
    logprobs: OpenAiLogprobs | null;
    finish_reason: OpenAiFinishReason | null;
  }[];
  usage?: OpenAiUsage | null;
}

export interface OpenAiChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: {
    index: number;
    message: {
      role: "assistant";
      content: string | null;
      reasoning_content?: string;
      tool_calls?: { id: string; type: "function"; function: { name: string; arguments: string } }[];
    };
    logprobs: OpenAiLogprobs | null;
    finish_reason: OpenAiFinishReason;
  }[];
  usage: OpenAiUsage;
}

export interface OpenAiEmbeddingsRequest {
  model: string;
  input: string | string[] | number[] | number[][];
  encoding_format?: "float" | "base64" | null;
  dimensions?: number | null;
}

export interface OpenAiEmbeddingsResponse {
  object: "list";
  model: string;
  data: { object: "embedding"; index: number; embedding: number[] | string }[];
  usage: { prompt_tokens: number; total_tokens: number };
}

export interface OpenAiCompletionRequest extends OpenAiSampling {
  model: string;
  prompt: string | string[];
  n?: number | null;
  max_tokens?: number | null;
  stop?: string | string[] | null;
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  /** Likeliest tokens to tell beside each chosen one. */
  logprobs?: number | null;
  echo?: boolean | null;
  suffix?: string | null;
  best_of?: number | null;
}

export interface OpenAiCompletionLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  text_offset: number[];
}

export interface OpenAiCompletion {
  id: string;
  object: "text_completion";
  created: number;
  model: string;
  choices: {
    index: number;
    text: string;
    logprobs: OpenAiCompletionLogprobs | null;
    finish_reason: OpenAiFinishReason | null;
  }[];
  usage?: OpenAiUsage;
}

export interface OpenAiModel {
  id: string;
  object: "model";
  /** Unix seconds. */
  created: number;
  owned_by: string;
}

export interface OpenAiModelList {
  object: "list";
  data: OpenAiModel[];
}

export interface OpenAiError {
  error: { message: string; type: string; param: string | null; code: string | null };
}
