/**
 * What a node and a runner say to each other over Bun.spawn IPC. One runner holds one model; the node talks, the runner answers.
 * Both sides check every message with `isNodeMessage` / `isRunnerMessage`: what fits no shape is dropped and logged.
 */
import type { ErrorCode } from "../core/errors.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";

export interface LoadOptions {
  modelPath: string;
  /** Multimodal projector beside the model (not used yet). */
  projectorPath?: string;
  /** Tokens that one slot can hold; capped by what the model was trained with. */
  contextTokens: number;
  /** Requests that are decoded together. */
  slots: number;
  /** Absent = as many as fit. */
  gpuLayers?: number;
  /** Compute threads; absent = the runner chooses. */
  threads?: number;
  /** Backend to use; absent = the best that works. */
  gpu?: "cuda" | "vulkan" | "metal" | "cpu";
}

export interface LoadedModel {
  /** Tokens that one slot can hold. */
  contextTokens: number;
  trainContextTokens: number;
  slots: number;
  /** Weights, KV cache and compute buffers, in bytes. */
  memoryBytes: number;
  /** The part of `memoryBytes` that is in GPU memory. */
  vramBytes: number;
  backend: "cuda" | "vulkan" | "metal" | "cpu";
  gpuLayers: number;
  /** What the chat template and the model are able to do. */
  capabilities: { thinking: boolean; tools: boolean };
  /** Jinja text of the template in use. */
  chatTemplate: string;
  loadMs: number;
}

export interface RunnerStats {
  slots: number;
  busySlots: number;
  queued: number;
  /** Requests finished since the load, in any way. */
  finished: number;
  promptTokens: number;
  completionTokens: number;
}

export type NodeMessage =
  | { type: "load"; options: LoadOptions }
  | { type: "generate"; id: number; request: GenerationRequest }
  | { type: "embed"; id: number; inputs: string[] }
  | { type: "cancel"; id: number }
  | { type: "stats"; id: number }
  | { type: "exit" };

export type RunnerMessage =
  /** Share of the model's tensors read, 0 to 1. */
  | { type: "progress"; fraction: number }
  | { type: "loaded"; model: LoadedModel }
  | { type: "loadFailed"; code: ErrorCode; message: string }
  /** What happened to request `id` since the last message, in order. A `done` event ends the request. */
  | { type: "events"; id: number; events: GenerationEvent[] }
  /** `vectors` are not normalized; one per input, in order. */
  | { type: "embedded"; id: number; vectors: Float32Array[]; promptTokens: number }
  | { type: "stats"; id: number; stats: RunnerStats }
  /** Request `id` ended without a result. A cancelled request ends with code `cancelled`. */
  | { type: "error"; id: number; code: ErrorCode; message: string };
