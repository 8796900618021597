import type { Clock } from "../core/clock.ts";
import type { Embeddings, EmbedRequest } from "../core/embedding.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";
import type { Log } from "../core/log.ts";
import type { Ranking, RerankRequest } from "../core/reranking.ts";
import type { ModelShape } from "../gguf/model-shape.ts";
import type { HeldPrefixes } from "../runner/held-prefixes.ts";
import type {
  Backend,
  EstimateOptions,
  LoadedModel,
  LoadOptions,
  MemoryEstimate,
  RunnerStats,
} from "../runner/protocol.ts";
import type { HostMemory } from "./host-memory.ts";
import type { MemoryNeed } from "./memory-need.ts";
import type { GpuMemory } from "./plan-load.ts";

/** What the engine needs of a runner process; `runner/spawn.ts` provides it. */
export interface EngineRunner {
  readonly pid: number;
  /** Resolves when the process is gone, whatever the reason. */
  readonly exited: Promise<unknown>;
  /** What loading would take; the load that follows uses what it found. */
  estimate(options: EstimateOptions, signal?: AbortSignal): Promise<MemoryEstimate>;
  load(
    options: LoadOptions,
    hooks: { signal?: AbortSignal; onProgress?(fraction: number): void },
  ): Promise<LoadedModel>;
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent>;
  embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embeddings>;
  rerank(request: RerankRequest, signal?: AbortSignal): Promise<Ranking>;
  /** Tokens of the prompt that the request would be. */
  countTokens(request: GenerationRequest, signal?: AbortSignal): Promise<number>;
  /** The newest that the runner has told by itself; undefined before its first answer. */
  latestStats(): RunnerStats | undefined;
  heldPrefixes(): HeldPrefixes;
  /** Ends the process, by force if need be. */
  exit(): Promise<void>;
}

export interface EngineOptions {
  startRunner(): Promise<EngineRunner>;
  clock: Clock;
  log: Log;
  maxLoadedModels: number;
  maxQueue: number;
  /** Absent = as many as memory allows. */
  slots?: number;
  /** What every load gets. */
  load?: Pick<LoadOptions, "threads" | "kvCacheType" | "flashAttention" | "promptCacheBytes"> & { gpu?: Backend };
  hostMemory(): HostMemory;
  /** All GPUs that compute, together; undefined without one. Asked after `memoryNeed` has resolved. */
  gpuMemory(): GpuMemory | undefined;
  /** What a model will take; rejects for a file that cannot be read. */
  memoryNeed(model: EngineModel): Promise<MemoryNeed>;
  /** Reads the whole header of a model's file; rejects with what is wrong with it. */
  checkFile(model: EngineModel): Promise<unknown>;
}

/** A model that the engine can load; `id` tells two models apart, `name` is for people. */
export interface EngineModel {
  id: string;
  name: string;
  modelPath: string;
  /** As the store knows it, if it does. */
  shape?: ModelShape | undefined;
  /** See `LoadOptions`. */
  templatePath?: string | undefined;
  projectorPath?: string | undefined;
  adapterPaths?: string[];
}

export interface AcquireOptions {
  signal?: AbortSignal;
  /** How long the model stays after this lease; Infinity = for ever, 0 = not at all. */
  keepAliveMs: number;
  /** Absent = what the model is loaded with, else `defaultContextTokens`. */
  contextTokens?: number | undefined;
  defaultContextTokens: number;
}

/** The right to use a loaded model; give it back with `await using`. */
export interface Lease extends AsyncDisposable {
  readonly model: LoadedModel;
  /** Milliseconds this lease waited for the model to be loaded; near 0 when it was. */
  readonly loadMs: number;
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent>;
  embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embeddings>;
  rerank(request: RerankRequest, signal?: AbortSignal): Promise<Ranking>;
  /** Tokens of the prompt that the request would be. */
  countTokens(request: GenerationRequest, signal?: AbortSignal): Promise<number>;
}

export interface RunningModel {
  id: string;
  name: string;
  model: LoadedModel;
  users: number;
  /** Milliseconds since the epoch; Infinity = never, 0 = it is stopping. */
  expiresAtMs: number;
  /** The runner's process id. */
  pid: number;
  /** Undefined before its first answer. */
  stats: RunnerStats | undefined;
  held: HeldPrefixes;
}

export interface LoadingModel {
  id: string;
  name: string;
  /** Share of its tensors read, 0 to 1. */
  fraction: number;
}

export interface Engine {
  /** Loads the model unless it is loaded, and holds it until the lease is given back. */
  acquire(model: EngineModel, options: AcquireOptions): Promise<Lease>;
  running(): RunningModel[];
  loading(): LoadingModel[];
  /** Unloads the model as soon as its running answers are done. False when it is not loaded. */
  unload(id: string): Promise<boolean>;
  /** Ends every runner at once. */
  close(): Promise<void>;
}
