import { createRequire } from "node:module";
import { join } from "node:path";
import type { RunnerMessage, RunnerStats } from "./protocol.ts";

/** What the native bridge says about a model that is ready; see src/runner/bridge/bridge.cpp. */
export interface BridgeInfo {
  contextTokens: number;
  trainContextTokens: number;
  slots: number;
  memoryBytes: number;
  vramBytes: number;
  thinking: boolean;
  tools: boolean;
  chatTemplate: string;
}

/** What the bridge tells by itself, as the runner's own messages. */
export type BridgeMessage = Extract<RunnerMessage, { type: "events" | "embedded" | "error" }>;

export interface NativeBridge {
  info(): BridgeInfo;
  /** `json` is what `toBridgeRequest` made. */
  generate(id: number, json: string): void;
  embed(id: number, inputs: readonly string[]): void;
  cancel(id: number): void;
  /** The reader of answer `id` has taken this many more tokens; see `windowTokens`. */
  acknowledge(id: number, tokens: number): void;
  stats(): RunnerStats;
  /** Ends its threads and frees its memory; idempotent. */
  close(): void;
}

export interface BridgeOptions {
  slots: number;
  contextTokens: number;
  threads: number;
  windowTokens: number;
  promptCacheBytes: number;
  /** Empty = f16. */
  kvCacheType: string;
  /** llama.cpp's numbers: -1 = it decides, 0 = off, 1 = on. */
  flashAttention: -1 | 0 | 1;
}

export interface NativeBridgeModule {
  /** `addonModel` is node-llama-cpp's own handle of a loaded model. Throws an Error with a `code` when there is no memory. */
  Bridge: new (
    addonModel: object,
    options: BridgeOptions,
    onMessages: (messages: BridgeMessage[]) => void,
  ) => NativeBridge;
  /** 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug; to stderr. */
  setLogLevel(level: number): void;
  /** llama.cpp's newest error lines since the last call. */
  takeLogErrors(): string;
}

/** Loads `bridge.node` of `nativeDir`; call it after node-llama-cpp has loaded llama.cpp, whose libraries it then shares. */
export const loadNativeBridge = (nativeDir: string): NativeBridgeModule =>
  createRequire(import.meta.url)(join(nativeDir, "bridge.node"));
