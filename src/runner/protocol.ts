/**
 * What a node and a runner say to each other over Bun.spawn IPC. One runner holds one model; the node talks, the runner answers.
 * Both sides check every message with `isNodeMessage` / `isRunnerMessage`: what fits no shape is dropped and logged.
 */
import type { EmbedRequest } from "../core/embedding.ts";
import { type ErrorCode, isErrorCode } from "../core/errors.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";
import type { KvCacheType } from "../core/kv-cache-type.ts";
import type { RerankRequest } from "../core/reranking.ts";

export interface LoadOptions {
  modelPath: string;
  /** How error messages call the model; absent = the file's name. */
  label?: string;
  /** The node has read the header of this very file with our own reader; llama.cpp aborts on some that it refuses. */
  headerChecked?: boolean;
  /** Jinja text that is used when the GGUF has no chat template. */
  templatePath?: string;
  /** Multimodal projector beside the model; absent = it takes text only. */
  projectorPath?: string;
  /** LoRA adapters, GGUF files too, applied as a whole; absent = none. */
  adapterPaths?: string[];
  /** Tokens that one slot can hold; capped by what the model was trained with. */
  contextTokens: number;
  /** Requests that are decoded together. */
  slots: number;
  /** Absent = as many as fit: what the last `estimate` of this runner found for the same file, slots and context, else a new fit. */
  gpuLayers?: number;
  /** Compute threads; absent = the runner chooses, and takes fewer while others want the processor. */
  threads?: number;
  /** Backend to use; absent = the best that works. */
  gpu?: Backend;
  /** Element type of the KV cache; absent = f16. Quantized types need flash attention for the values. */
  kvCacheType?: KvCacheType;
  /** Absent = llama.cpp decides. */
  flashAttention?: boolean;
  /** Most bytes of host memory for the states of evicted prompts; absent or 0 = none are kept. */
  promptCacheBytes?: number;
}

export type Backend = "cuda" | "vulkan" | "metal" | "cpu";

export type EstimateOptions = Pick<
  LoadOptions,
  | "modelPath"
  | "projectorPath"
  | "label"
  | "headerChecked"
  | "contextTokens"
  | "slots"
  | "gpuLayers"
  | "gpu"
  | "kvCacheType"
  | "flashAttention"
> & {
  /** The context may be made smaller than `contextTokens` down to this to fit; equal = never. */
  contextTokensMin: number;
  /** Memory to leave free on each GPU. */
  marginBytes: number;
};

export interface MemoryParts {
  /** Device name as llama.cpp gives it (`CUDA0`), or `host`. */
  device: string;
  weightsBytes: number;
  /** KV cache and recurrent states. */
  contextBytes: number;
  computeBytes: number;
  /** Free and total memory of the device now; for `host` what the operating system says. */
  freeBytes: number;
  totalBytes: number;
}

export interface MemoryEstimate {
  /** What the model takes with every layer on the GPUs (on the host where there are none). */
  full: MemoryParts[];
  /** What it takes as `load` would load it now; equal to `full` when that fits. */
  fitted: MemoryParts[];
  fittedContextTokens: number;
  gpuLayers: number;
  /** Layers of the model and its output layer. */
  totalLayers: number;
  expertsOnCpu: boolean;
  /** False = even the fitted plan exceeds a GPU's free memory. */
  fits: boolean;
}

export interface DeviceInfo {
  /** As llama.cpp names it: `CUDA0`, `Vulkan1`, `Metal`. */
  name: string;
  /** As its maker names it: `NVIDIA H200`. */
  description: string;
  kind: "gpu" | "igpu" | "cpu" | "accelerator";
  /** PCI address such as `0000:65:00.0` where the backend knows it. */
  pciBusId?: string;
  totalBytes: number;
  freeBytes: number;
}

export interface BackendDevices {
  backend: Backend;
  devices: DeviceInfo[];
}

/**
 * Flow control: an answer is paused in its runner while more than this many of its tokens have been sent but not acknowledged.
 * Large enough that the round trip of an `ack` never stalls a fast model, small enough to bound what a slow reader leaves behind.
 */
export const windowTokens = 1024;
/** The node acknowledges once this many tokens have been taken by the reader. */
export const ackTokens = windowTokens / 4;

/** How often a runner with work says that it is alive. */
export const pulseEveryMs = 1000;

export interface LoadedModel {
  /** Tokens that one slot can hold. */
  contextTokens: number;
  trainContextTokens: number;
  slots: number;
  /** Weights, KV cache and compute buffers, in bytes. */
  memoryBytes: number;
  /** The part of `memoryBytes` that is in GPU memory. */
  vramBytes: number;
  backend: Backend;
  gpuLayers: number;
  /** What the chat template, the model and its projector are able to do. */
  capabilities: { thinking: boolean; tools: boolean; vision: boolean; audio: boolean };
  /** Jinja text of the template in use. */
  chatTemplate: string;
  loadMs: number;
}

export interface RunnerStats {
  slots: number;
  busySlots: number;
  queued: number;
  /** Answers that wait for their reader; a paused answer gives its slot to one that waits. */
  paused: number;
  /** Requests finished since the load, in any way. */
  finished: number;
  /** Prompt tokens evaluated since the load, without the cached ones, and the time their steps took. */
  promptTokens: number;
  promptMs: number;
  /** Prompt tokens that were found in a slot or in the prompt cache since the load. */
  cachedTokens: number;
  completionTokens: number;
  generationMs: number;
  /** Compute threads now. */
  threads: number;
  /** CPU time that the compute threads got during their steps since the load. */
  cpuMs: number;
  /** Pictures (or tiles of them) and sounds encoded since the load: not those that were found encoded. And the time that took. */
  mediaEncoded: number;
  mediaMs: number;
  /** Host memory that the prompt cache holds. */
  promptCacheBytes: number;
  /** Grows while the decode thread makes progress, also within a long step; the watchdog looks at it. */
  heartbeats: number;
  /** What the next prompts may begin with: the newest 256, newest first. */
  held: HeldPrompt[];
}

/** A prompt of which the beginning lies in a slot or in the prompt cache. */
export interface HeldPrompt {
  /** The id of its request. */
  request: number;
  /** Of the prompt and its answer. */
  tokens: number;
}

export type NodeMessage =
  | { type: "load"; options: LoadOptions }
  | { type: "generate"; id: number; request: GenerationRequest }
  | { type: "embed"; id: number; request: EmbedRequest }
  /** Answered by `embedded`, with one vector of one score for each document. */
  | { type: "rerank"; id: number; request: RerankRequest }
  /** Asks how many tokens the prompt has; answered by `embedded` without vectors. */
  | { type: "count"; id: number; request: GenerationRequest }
  | { type: "cancel"; id: number }
  /** The reader of answer `id` has taken this many more tokens; see `windowTokens`. */
  | { type: "ack"; id: number; tokens: number }
  | { type: "stats"; id: number }
  /** Asks what loading would take, before a `load`. */
  | { type: "estimate"; id: number; options: EstimateOptions }
  /** Asks for the devices of a backend (absent = the best that works). */
  | { type: "devices"; id: number; gpu?: Backend }
  | { type: "exit" };

export type RunnerMessage =
  /** Share of the model's tensors read, 0 to 1. */
  | { type: "progress"; fraction: number }
  | { type: "loaded"; model: LoadedModel }
  | { type: "loadFailed"; code: ErrorCode; message: string }
  /** What happened to request `id` since the last message, in order. A `done` event ends the request. `tokens` = completion tokens behind it. */
  | { type: "events"; id: number; events: GenerationEvent[]; tokens: number }
  /** `vectors` are not normalized; one per input, in order. */
  | { type: "embedded"; id: number; vectors: Float32Array[]; promptTokens: number }
  | { type: "stats"; id: number; stats: RunnerStats }
  /** Sent every `pulseEveryMs` while there is work, and once when the work ends. */
  | { type: "pulse"; stats: RunnerStats }
  | { type: "estimate"; id: number; estimate: MemoryEstimate }
  | { type: "devices"; id: number; devices: BackendDevices }
  /** Request `id` ended without a result. A cancelled request ends with code `cancelled`. */
  | { type: "error"; id: number; code: ErrorCode; message: string }
  /** What one step made for several requests, in one message: each costs both processes a system call and a wake-up. */
  | { type: "batch"; messages: RunnerMessage[] };

type Shape = Record<string, unknown>;

const isShape = (value: unknown): value is Shape =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isId = (value: unknown): boolean => Number.isSafeInteger(value);
const isText = (value: unknown): value is string => typeof value === "string";

const isInput = (input: unknown): boolean =>
  isShape(input) &&
  (input.context === undefined || isListOf(input.context, isId)) &&
  (input.kind === "text"
    ? isText(input.text) &&
      (input.suffix === undefined || isText(input.suffix)) &&
      (input.media === undefined || isListOf(input.media, isMedia))
    : input.kind === "chat" && isListOf(input.messages, isMessage));

const isMessage = (message: unknown): boolean =>
  isShape(message) && isText(message.role) && (!Array.isArray(message.content) || message.content.every(isPart));

const isPart = (part: unknown): boolean =>
  isMedia(part) || (isShape(part) && part.type === "text" && isText(part.text));

const isMedia = (part: unknown): boolean =>
  isShape(part) && (part.type === "image" || part.type === "audio") && part.data instanceof Uint8Array;

const isListOf = (value: unknown, item: (value: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(item);

const isRequest = (request: unknown): boolean =>
  isShape(request) &&
  isInput(request.input) &&
  isShape(request.sampling) &&
  (request.stop === undefined || isListOf(request.stop, isText));

const isEmbedInput = (input: unknown): boolean => isText(input) || isListOf(input, isId);

const nodeShapes: Readonly<Record<NodeMessage["type"], (message: Shape) => boolean>> = {
  load: ({ options }) => isShape(options) && isText(options.modelPath),
  generate: ({ id, request }) => isId(id) && isRequest(request),
  embed: ({ id, request }) => isId(id) && isShape(request) && isListOf(request.inputs, isEmbedInput),
  rerank: ({ id, request }) =>
    isId(id) && isShape(request) && isText(request.query) && isListOf(request.documents, isText),
  count: ({ id, request }) => isId(id) && isRequest(request),
  cancel: ({ id }) => isId(id),
  ack: ({ id, tokens }) => isId(id) && isId(tokens),
  stats: ({ id }) => isId(id),
  estimate: ({ id, options }) => isId(id) && isShape(options) && isText(options.modelPath),
  devices: ({ id, gpu }) => isId(id) && (gpu === undefined || isText(gpu)),
  exit: () => true,
};

const eventShapes: Readonly<Record<GenerationEvent["type"], (event: Shape) => boolean>> = {
  started: ({ promptTokens, cachedTokens }) => isId(promptTokens) && isId(cachedTokens),
  text: ({ text }) => isText(text),
  reasoning: ({ text }) => isText(text),
  toolCall: (event) => isId(event.index) && isText(event.arguments),
  logprobs: ({ tokens }) => isListOf(tokens, isShape),
  done: ({ reason, counts, tokens }) =>
    isText(reason) && isShape(counts) && (tokens === undefined || tokens instanceof Int32Array),
};

const isEvent = (event: unknown): boolean => isShape(event) && fits(eventShapes, event);

const runnerShapes: Readonly<Record<RunnerMessage["type"], (message: Shape) => boolean>> = {
  progress: ({ fraction }) => typeof fraction === "number",
  loaded: ({ model }) => isShape(model) && isShape(model.capabilities),
  loadFailed: ({ code, message }) => isErrorCode(code) && isText(message),
  events: ({ id, events, tokens }) => isId(id) && isListOf(events, isEvent) && isId(tokens),
  embedded: ({ id, vectors }) => isId(id) && isListOf(vectors, (vector) => vector instanceof Float32Array),
  stats: ({ id, stats }) => isId(id) && isShape(stats),
  pulse: ({ stats }) => isShape(stats),
  estimate: ({ id, estimate }) => isId(id) && isShape(estimate),
  devices: ({ id, devices }) => isId(id) && isShape(devices) && isListOf(devices.devices, isShape),
  error: ({ id, code, message }) => isId(id) && isErrorCode(code) && isText(message),
  batch: ({ messages }) => isListOf(messages, (one) => isRunnerMessage(one) && one.type !== "batch"),
};

const fits = (shapes: Readonly<Record<string, (message: Shape) => boolean>>, message: Shape): boolean =>
  isText(message.type) && Object.hasOwn(shapes, message.type) && shapes[message.type]?.(message) === true;

/** Does `message` have the shape of something that a node says? Values inside are checked where they are used. */
export const isNodeMessage = (message: unknown): message is NodeMessage =>
  isShape(message) && fits(nodeShapes, message);

/** Does `message` have the shape of something that a runner says? */
export const isRunnerMessage = (message: unknown): message is RunnerMessage =>
  isShape(message) && fits(runnerShapes, message);
