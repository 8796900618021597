import { createRequire } from "node:module";
import { join } from "node:path";
import type { EmbedInput } from "../core/embedding.ts";
import type { MediaPart } from "../core/generation.ts";
import type { Backend, DeviceInfo, MemoryEstimate, RunnerMessage, RunnerStats } from "./protocol.ts";

/** What the native bridge says about a model that is ready; see src/runner/bridge/bridge.cpp. */
export interface BridgeInfo {
  contextTokens: number;
  trainContextTokens: number;
  slots: number;
  memoryBytes: number;
  vramBytes: number;
  thinking: boolean;
  tools: boolean;
  vision: boolean;
  audio: boolean;
  chatTemplate: string;
}

/** What the bridge tells by itself, as the runner's own messages. */
export type BridgeMessage = Extract<RunnerMessage, { type: "events" | "embedded" | "error" }>;

export interface NativeBridge {
  info(): BridgeInfo;
  /** `json` and `media` are what `toBridgeRequest` made. */
  generate(id: number, json: string, media: readonly MediaPart[]): void;
  /** Renders and tokenizes the prompt only; `embedded` without vectors tells how long it is. */
  count(id: number, json: string, media: readonly MediaPart[]): void;
  /** A text, or its tokens; `truncate` = what is too long loses its end. */
  embed(id: number, inputs: readonly EmbedInput[], truncate: boolean): void;
  /** One vector of one score for each document; for a model with a classifier head. */
  rank(id: number, query: string, documents: readonly string[]): void;
  cancel(id: number): void;
  /** The reader of answer `id` has taken this many more tokens; see `windowTokens`. */
  acknowledge(id: number, tokens: number): void;
  /** `threads` is the governor's to know. */
  stats(): Omit<RunnerStats, "threads">;
  /** Compute threads from the next step on. */
  setThreads(threads: number): void;
  /** Ends its threads and frees its memory; idempotent. */
  close(): void;
}

/** What decides the size of a context; the same names in a load and in an estimate. */
export interface ContextOptions {
  slots: number;
  contextTokens: number;
  threads: number;
  /** ggml's name of the type; empty = f16. */
  kvCacheType: string;
  /** llama.cpp's numbers: -1 = it decides, 0 = off, 1 = on. */
  flashAttention: -1 | 0 | 1;
}

export interface BridgeOptions extends ContextOptions {
  windowTokens: number;
  promptCacheBytes: number;
  /** For a model without a chat template of its own; empty = ChatML. */
  fallbackTemplate: string;
  adapterPaths: readonly string[];
  projector?: NativeProjector;
}

/** llama.cpp's handle of an open model; freed when neither a bridge nor JavaScript holds it. */
export type NativeModel = object & { readonly native: "model" };
/** An open multimodal projector of one model. */
export type NativeProjector = object & { readonly native: "projector" };
/** Which layers and tensors go where, as an estimate found it. */
export type NativePlan = object & { readonly native: "plan" };

export interface NativeLoadOptions {
  modelPath: string;
  /** False = devices other than the CPU stay unused. */
  gpus: boolean;
  /** Layers on the GPUs, -1 = all; a `plan` says more and counts before this. */
  gpuLayers: number;
  plan?: NativePlan;
}

export interface NativeProjectorOptions {
  path: string;
  /** What stands for a picture or sound in a rendered prompt. */
  marker: string;
  gpus: boolean;
  threads: number;
}

export interface NativeEstimateOptions extends ContextOptions {
  modelPath: string;
  /** Empty = there is none. */
  projectorPath: string;
  gpus: boolean;
  /** -1 = as many as fit. */
  gpuLayers: number;
  contextTokensMin: number;
  marginBytes: number;
}

export interface NativeQuantizeOptions {
  input: string;
  output: string;
  /** Number of llama.cpp's file type; see src/gguf/file-types.ts. */
  fileType: number;
  threads: number;
}

/** Every call that fails throws, or rejects with, an Error; one that llama.cpp refused has a `code`. */
export interface NativeBridgeModule {
  Bridge: new (
    model: NativeModel,
    options: BridgeOptions,
    onMessages: (messages: BridgeMessage[]) => void,
  ) => NativeBridge;
  /** Loads the backends in `dir`, the first time only. Returns the best that works, or `wanted` ("" = the best). */
  loadBackends(dir: string, wanted: Backend | ""): Backend;
  devices(): DeviceInfo[];
  /** Cores that are good for computing: the physical ones, without efficiency cores. */
  mathCores(): number;
  /** `onProgress` gets the share of the tensors read, at most a hundred times. One load or estimate runs at a time, the rest wait. */
  loadModel(
    options: NativeLoadOptions,
    onProgress: (fraction: number) => void,
  ): Promise<{ model: NativeModel; gpuLayers: number }>;
  loadProjector(
    model: NativeModel,
    options: NativeProjectorOptions,
    onProgress: (fraction: number) => void,
  ): Promise<NativeProjector>;
  /** Ends the load that is under way, and every later one, with an error. */
  cancelLoad(): void;
  estimate(options: NativeEstimateOptions): Promise<{ estimate: MemoryEstimate; plan: NativePlan }>;
  /** `onProgress` gets the number of weights that are done. It cannot be cancelled: whoever gives up ends the process. */
  quantize(options: NativeQuantizeOptions, onProgress: (weights: number) => void): Promise<void>;
  llamaVersion(): string;
  /** 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug; to stderr. */
  setLogLevel(level: number): void;
  /** llama.cpp's newest error lines since the last call. */
  takeLogErrors(): string;
}

/** Loads `bridge.node` of `nativeDir`, and with it llama.cpp's libraries beside it. Throws an Error where they do not load. */
export const loadNativeBridge = (nativeDir: string): NativeBridgeModule =>
  createRequire(import.meta.url)(join(nativeDir, "bridge.node"));
