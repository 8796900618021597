import { totalmem } from "node:os";
import { parseDuration } from "../core/duration.ts";
import { AppError } from "../core/errors.ts";
import { type KvCacheType, kvCacheTypes } from "../core/kv-cache-type.ts";
import { parseBytes, wholeNumber } from "./values.ts";

export type GpuChoice = "cuda" | "vulkan" | "metal" | "cpu";

/** How models are loaded and shared. */
export interface EngineSettings {
  /** How long an idle model stays loaded; Infinity = for ever. */
  readonly keepAliveMs: number;
  /** Context length of a request that names none. */
  readonly contextTokens: number;
  readonly maxLoadedModels: number;
  /** Requests that wait for one model; one more is answered 503. */
  readonly maxQueue: number;
  /** Requests that one model answers at the same time; absent = as many as memory allows. */
  readonly parallel?: number;
  /** Absent = the runner chooses. */
  readonly threads?: number;
  readonly gpu?: GpuChoice;
  /** Absent = f16. */
  readonly kvCacheType?: KvCacheType;
  /** Absent = llama.cpp decides. */
  readonly flashAttention?: boolean;
  /** Host memory for the states of evicted prompts, for each loaded model; 0 = none are kept. */
  readonly promptCacheBytes: number;
  /** A load that makes no progress for this long is given up. */
  readonly loadTimeoutMs: number;
  /** A runner with work that takes no step for this long is ended. */
  readonly stallTimeoutMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const promptCacheMaxBytes = 8 * 2 ** 30; // llama-server's default

/** The part of the configuration that concerns the engine. Throws `invalid_argument`, which names the variable. */
export const engineSettings = (env: Environment): EngineSettings => {
  const parallel = env.LLMLB_NUM_PARALLEL?.trim() ? wholeNumber(env, "LLMLB_NUM_PARALLEL", 1, 256, 1) : undefined;
  const threads = env.LLMLB_NUM_THREADS?.trim() ? wholeNumber(env, "LLMLB_NUM_THREADS", 1, 1024, 1) : undefined;
  const gpu = oneOf(env, "LLMLB_GPU", ["cuda", "vulkan", "metal", "cpu"]);
  const kvCacheType = oneOf(env, "LLMLB_KV_CACHE_TYPE", kvCacheTypes);
  const flashAttention = onOff(env, "LLMLB_FLASH_ATTENTION");
  return {
    keepAliveMs: keepAliveMs(env.LLMLB_KEEP_ALIVE),
    contextTokens: wholeNumber(env, "LLMLB_CONTEXT_LENGTH", 16, 16_777_216, 4096),
    maxLoadedModels: wholeNumber(env, "LLMLB_MAX_LOADED_MODELS", 1, 1024, 3),
    maxQueue: wholeNumber(env, "LLMLB_MAX_QUEUE", 0, 1_000_000, 512),
    ...(parallel === undefined ? {} : { parallel }),
    ...(threads === undefined ? {} : { threads }),
    ...(gpu === undefined ? {} : { gpu }),
    ...(kvCacheType === undefined ? {} : { kvCacheType }),
    ...(flashAttention === undefined ? {} : { flashAttention }),
    promptCacheBytes: parseBytes(env, "LLMLB_PROMPT_CACHE_BYTES", Math.min(promptCacheMaxBytes, totalmem() / 8)),
    loadTimeoutMs: timeoutMs(env, "LLMLB_LOAD_TIMEOUT", 5 * 60_000),
    stallTimeoutMs: timeoutMs(env, "LLMLB_STALL_TIMEOUT", 2 * 60_000),
  };
};

const keepAliveMs = (text: string | undefined): number => {
  if (!text) return 5 * 60_000;
  try {
    const ms = parseDuration(text);
    return ms < 0 ? Number.POSITIVE_INFINITY : ms;
  } catch (error) {
    throw new AppError("invalid_argument", `invalid LLMLB_KEEP_ALIVE: ${(error as Error).message}`);
  }
};

const timeoutMs = (env: Environment, name: string, fallback: number): number => {
  const text = env[name]?.trim();
  if (!text) return fallback;
  const ms = parseDuration(text);
  if (ms <= 0 || ms >= 2 ** 31)
    throw new AppError("invalid_argument", `invalid ${name} "${text}": expected a duration such as 30s or 5m`);
  return ms;
};

/** Undefined for `auto` and for nothing. */
const oneOf = <const T extends string>(env: Environment, name: string, choices: readonly T[]): T | undefined => {
  const value = env[name]?.trim().toLowerCase();
  if (!value || value === "auto") return undefined;
  const found = choices.find((choice) => choice === value);
  if (found) return found;
  throw new AppError("invalid_argument", `invalid ${name} "${env[name]}": expected auto, ${choices.join(", ")}`);
};

const switches: Readonly<Record<string, boolean>> = {
  1: true,
  true: true,
  on: true,
  0: false,
  false: false,
  off: false,
};

const onOff = (env: Environment, name: string): boolean | undefined => {
  const value = env[name]?.trim().toLowerCase();
  if (!value || value === "auto") return undefined;
  if (Object.hasOwn(switches, value)) return switches[value];
  throw new AppError("invalid_argument", `invalid ${name} "${env[name]}": expected auto, 1 or 0`);
};
