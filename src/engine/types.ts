import type { Clock } from "../core/clock.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";
import type { Log } from "../core/log.ts";
import type { LoadedModel, LoadOptions } from "../runner/protocol.ts";

/** What the engine needs of a runner process; `runner/spawn.ts` provides it. */
export interface EngineRunner {
  readonly pid: number;
  /** Resolves when the process is gone, whatever the reason. */
  readonly exited: Promise<unknown>;
  load(options: LoadOptions, hooks: { signal?: AbortSignal }): Promise<LoadedModel>;
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent>;
  /** Ends the process, by force if need be. */
  exit(): Promise<void>;
}

export interface EngineOptions {
  startRunner(): Promise<EngineRunner>;
  clock: Clock;
  log: Log;
  maxLoadedModels: number;
  maxQueue: number;
  slots: number;
  threads?: number;
  gpu?: "cuda" | "vulkan" | "metal" | "cpu";
}

/** A model that the engine can load; `id` tells two models apart, `name` is for people. */
export interface EngineModel {
  id: string;
  name: string;
  modelPath: string;
}

export interface AcquireOptions {
  signal?: AbortSignal;
  /** How long the model stays after this lease; Infinity = for ever, 0 = not at all. */
  keepAliveMs: number;
  contextTokens: number;
}

/** The right to use a loaded model; give it back with `await using`. */
export interface Lease extends AsyncDisposable {
  readonly model: LoadedModel;
  /** Milliseconds this lease waited for the model to be loaded; near 0 when it was. */
  readonly loadMs: number;
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent>;
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
}

export interface Engine {
  /** Loads the model unless it is loaded, and holds it until the lease is given back. */
  acquire(model: EngineModel, options: AcquireOptions): Promise<Lease>;
  running(): RunningModel[];
  /** Unloads the model as soon as its running answers are done. False when it is not loaded. */
  unload(id: string): Promise<boolean>;
  /** Ends every runner at once. */
  close(): Promise<void>;
}
