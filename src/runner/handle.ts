import type { Embeddings, EmbedRequest } from "../core/embedding.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";
import type { Ranking, RerankRequest } from "../core/reranking.ts";
import type { HeldPrefixes } from "./held-prefixes.ts";
import type {
  Backend,
  BackendDevices,
  EstimateOptions,
  LoadedModel,
  LoadOptions,
  MemoryEstimate,
  RunnerStats,
} from "./protocol.ts";

/** How a runner process ended: `code` is null when `signal` ended it. */
export interface RunnerExit {
  code: number | null;
  signal: string | null;
}

export interface LoadHooks {
  /** Aborting it ends the process: that is the only quick way out of a half-loaded model. */
  signal?: AbortSignal;
  /** Share of the tensors read, 0 to 1. */
  onProgress?: (fraction: number) => void;
}

/** The node's end of one runner process. After the process has ended every call throws `runner_crashed`. */
export interface RunnerHandle {
  readonly pid: number;
  /** Resolves when the process is gone, whatever the reason. */
  readonly exited: Promise<RunnerExit>;
  /** Loads the one model of this runner. Throws what the runner says: `load_failed`, `corrupt`, `unsupported`, ... */
  load(options: LoadOptions, hooks?: LoadHooks): Promise<LoadedModel>;
  /** Leaving the loop early, or `signal`, cancels the generation in the runner; the signal makes the loop throw `cancelled`. */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent>;
  embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embeddings>;
  /** The scores mean something only for a reranking model. */
  rerank(request: RerankRequest, signal?: AbortSignal): Promise<Ranking>;
  /** Tokens of the prompt that a request would be. */
  countTokens(request: GenerationRequest, signal?: AbortSignal): Promise<number>;
  /** What loading would take. Throws like `load`. */
  estimate(options: EstimateOptions, signal?: AbortSignal): Promise<MemoryEstimate>;
  /** The devices of backend `gpu` (absent = of the best one). Throws `load_failed` with the reason where it does not work. */
  devices(gpu?: Backend, signal?: AbortSignal): Promise<BackendDevices>;
  stats(): Promise<RunnerStats>;
  /** The newest that the runner has told by itself; undefined before its first answer. */
  latestStats(): RunnerStats | undefined;
  /** As `latestStats` has it. */
  heldPrefixes(): HeldPrefixes;
  /** Asks the process to end, kills it when it does not, and resolves when it is gone. */
  exit(): Promise<void>;
}
