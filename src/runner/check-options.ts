import { AppError } from "../core/errors.ts";
import { kvCacheTypes } from "../core/kv-cache-type.ts";
import type { EstimateOptions, LoadOptions } from "./protocol.ts";

const slotsMax = 256; // LLAMA_MAX_SEQ
const contextTokensMax = 16_777_216; // above, slots x context leaves llama.cpp's 32 bits

/** Throws `invalid_argument`, which names the field, on what llama.cpp would misunderstand or abort on. */
export const checkOptions = (options: LoadOptions | EstimateOptions): void => {
  const { slots, contextTokens, gpuLayers = 0, kvCacheType = "f16", flashAttention } = options;
  const threads = "threads" in options ? (options.threads ?? 1) : 1;
  const contextTokensMin = "contextTokensMin" in options ? options.contextTokensMin : 1;
  const marginBytes = "marginBytes" in options ? options.marginBytes : 0;
  const bounds = [
    ["slots", slots, 1, slotsMax],
    ["contextTokens", contextTokens, 1, contextTokensMax],
    ["contextTokensMin", contextTokensMin, 1, contextTokensMax],
    ["threads", threads, 1, 1024],
    ["gpuLayers", gpuLayers, 0, 1_000_000],
    ["marginBytes", marginBytes, 0, Number.MAX_SAFE_INTEGER],
  ] as const;
  for (const [name, value, min, max] of bounds) {
    if (!Number.isInteger(value) || value < min || value > max)
      throw invalid(`invalid ${name} ${value}: expected a whole number from ${min} to ${max}`);
  }
  if (slots * contextTokens > contextTokensMax)
    throw invalid(`${slots} slots of ${contextTokens} tokens are more than ${contextTokensMax}`);
  if (!kvCacheTypes.includes(kvCacheType))
    throw invalid(`invalid KV cache type "${kvCacheType}": expected ${kvCacheTypes.join(", ")}`);
  if (flashAttention === false && !plainTypes.has(kvCacheType))
    throw invalid(`a KV cache of type ${kvCacheType} needs flash attention; do not switch it off`);
};

/** Types whose values llama.cpp can read without flash attention. */
const plainTypes = new Set(["f32", "f16", "bf16"]);

const invalid = (message: string) => new AppError("invalid_argument", message);
