/** Wire types of Ollama's native API (https://github.com/ollama/ollama/blob/main/docs/api.md). Durations are nanoseconds. */

export type OllamaThink = boolean | "low" | "medium" | "high" | "max";

export interface OllamaOptions {
  num_ctx?: number;
  num_keep?: number;
  num_predict?: number;
  seed?: number;
  temperature?: number;
  top_k?: number;
  top_p?: number;
  min_p?: number;
  typical_p?: number;
  repeat_last_n?: number;
  repeat_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  stop?: string[] | string;
}

export interface OllamaToolCall {
  id?: string;
  function: { index?: number; name: string; arguments: Record<string, unknown> };
}

export interface OllamaMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string;
  thinking?: string;
  /** In base64; sounds too, for models that hear. */
  images?: string[] | null;
  tool_calls?: OllamaToolCall[];
  tool_name?: string;
  tool_call_id?: string;
}

export interface OllamaTool {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown> };
}

/** Fields that generate and chat share. */
interface OllamaGenerationRequest {
  model: string;
  stream?: boolean;
  format?: "" | "json" | Record<string, unknown>;
  options?: OllamaOptions;
  /** False = a prompt that does not fit into the context is an error; absent = its oldest turns are left out. */
  truncate?: boolean;
  /** False = the answer ends when the context is full; absent = it goes on and forgets the oldest part. */
  shift?: boolean;
  /** Seconds as a number, or a duration such as "5m"; negative = for ever; 0 = unload at once. */
  keep_alive?: number | string;
  think?: OllamaThink;
  logprobs?: boolean;
  /** Likeliest tokens to tell beside each chosen one, 0 to 20; needs `logprobs`. */
  top_logprobs?: number;
}

export interface OllamaGenerateRequest extends OllamaGenerationRequest {
  prompt?: string;
  system?: string;
  /** Ollama sends the prompt as it is, without the template. */
  raw?: boolean;
  suffix?: string;
  template?: string;
  /** The conversation so far, from the last record of its last answer. */
  context?: number[];
  images?: string[];
}

export interface OllamaChatRequest extends OllamaGenerationRequest {
  messages: OllamaMessage[];
  tools?: OllamaTool[];
}

export interface OllamaTokenLogprob {
  token: string;
  logprob: number;
  bytes?: number[];
}

export interface OllamaLogprob extends OllamaTokenLogprob {
  top_logprobs?: OllamaTokenLogprob[];
}

export interface OllamaMetrics {
  total_duration?: number;
  load_duration?: number;
  prompt_eval_count?: number;
  prompt_eval_duration?: number;
  eval_count?: number;
  eval_duration?: number;
}

export type OllamaDoneReason = "stop" | "length" | "load" | "unload";

export interface OllamaGenerateResponse extends OllamaMetrics {
  model: string;
  created_at: string;
  response: string;
  thinking?: string;
  /** Of the tokens behind this record's text. */
  logprobs?: OllamaLogprob[];
  done: boolean;
  done_reason?: OllamaDoneReason;
  /** Tokens of the conversation with this answer, with the last record. */
  context?: number[];
}

export interface OllamaChatResponse extends OllamaMetrics {
  model: string;
  created_at: string;
  message: OllamaMessage;
  /** Of the tokens behind this record's text. */
  logprobs?: OllamaLogprob[];
  done: boolean;
  done_reason?: OllamaDoneReason;
}

export interface OllamaEmbedRequest {
  model: string;
  input?: string | string[];
  truncate?: boolean;
  dimensions?: number;
  options?: OllamaOptions;
  keep_alive?: number | string;
}

export interface OllamaEmbedResponse {
  model: string;
  embeddings: number[][];
  total_duration: number;
  load_duration: number;
  prompt_eval_count: number;
}

export interface OllamaEmbeddingsRequest {
  model: string;
  prompt?: string;
  options?: OllamaOptions;
  keep_alive?: number | string;
}

export interface OllamaEmbeddingsResponse {
  embedding: number[];
}

export interface OllamaModelDetails {
  parent_model: string;
  format: string;
  family: string;
  families: string[];
  parameter_size: string;
  quantization_level: string;
}

export interface OllamaListedModel {
  name: string;
  model: string;
  /** RFC 3339. For llmlb's own models: the last use. */
  modified_at: string;
  size: number;
  /** Hexadecimal sha256 of the manifest. */
  digest: string;
  details: OllamaModelDetails;
  /** llmlb: other names of this model. */
  aliases?: string[];
  /** llmlb: true for a model of Ollama's store. */
  read_only?: boolean;
}

export interface OllamaTagsResponse {
  models: OllamaListedModel[];
}

export interface OllamaRunningModel {
  name: string;
  model: string;
  size: number;
  digest: string;
  details: OllamaModelDetails;
  /** RFC 3339; a time before now while the model is stopping, year 1 when never used. */
  expires_at: string;
  size_vram: number;
  context_length: number;
  /** llmlb: share of the GPU's memory in use, 0 to 1; absent without a GPU. */
  vram_utilization?: number;
  /** llmlb: GPU temperature in degrees Celsius; absent without a GPU. */
  temperature_celsius?: number;
}

export interface OllamaPsResponse {
  models: OllamaRunningModel[];
}

export interface OllamaShowResponse {
  license?: string;
  modelfile: string;
  parameters?: string;
  template: string;
  system?: string;
  details: OllamaModelDetails;
  model_info: Record<string, unknown>;
  /** What the header of its multimodal projector says; absent for a model without one. */
  projector_info?: Record<string, unknown>;
  capabilities: string[];
  modified_at: string;
  /** llmlb: as in `/api/tags`. */
  digest?: string;
  /** llmlb: size of all files in bytes. */
  size?: number;
  /** llmlb: other names of this model. */
  aliases?: string[];
  /** llmlb: which chat template is in use, for a model that brought along one which is not. */
  template_in_use?: string;
  /** llmlb: true for a model of Ollama's store. */
  read_only?: boolean;
  /** llmlb: why it has nothing of what its repository's model sees or hears with. */
  left_out?: string;
}

/** One line of a pull's NDJSON. `total` and `completed` are bytes of the blob `digest`. */
/** llmlb: what `/api/pull` answers to `dry_run`. Sizes are bytes. */
export interface OllamaPullPlan {
  status: "dry run";
  /** `org/name:TAG`. */
  model: string;
  commit: string;
  /** Folder that the model would go to. */
  target: string;
  up_to_date: boolean;
  files: { role: string; name: string; size: number; completed: number }[];
  /** To be downloaded, and what of it is not here yet. */
  total: number;
  needed: number;
  free: number;
  /** Where the files are no model yet: what is made of them. */
  conversion?: OllamaPullConversion;
}

/** Sizes are estimates, in bytes. */
export interface OllamaPullConversion {
  /** E.g. `Q4_K_M`. */
  type: string;
  /** What the weights become first. */
  float_type: string;
  /** Disk space needed at the worst moment, beside what is in use already. */
  peak: number;
  result: number;
  /** What the model sees with; absent for one that only reads. */
  projector?: { type: string; size: number };
  /** The repository also has encoders of pictures or sounds, which are not converted. */
  text_only: boolean;
  /** Why they are not. */
  left_out?: string;
}

export interface OllamaPullProgress {
  status: string;
  digest?: string;
  total?: number;
  completed?: number;
}

export interface OllamaError {
  error: string;
}
