import type { Architecture } from "./architecture.ts";
import { gemma2 } from "./gemma2.ts";
import { gemma3 } from "./gemma3.ts";
import { granite } from "./granite.ts";
import { llama } from "./llama.ts";
import { mixtral } from "./mixtral.ts";
import { olmo2 } from "./olmo2.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen2Moe } from "./qwen2-moe.ts";
import { qwen2Vl } from "./qwen2-vl.ts";
import { qwen3 } from "./qwen3.ts";
import { qwen3Moe } from "./qwen3-moe.ts";
import { smolLm3 } from "./smollm3.ts";

const architectures = [
  llama,
  mixtral,
  qwen2,
  qwen2Vl,
  qwen3,
  qwen2Moe,
  qwen3Moe,
  gemma2,
  gemma3,
  phi3,
  olmo2,
  granite,
  smolLm3,
];

const bySource: ReadonlyMap<string, Architecture> = new Map(
  architectures.flatMap((architecture) => architecture.sources.map((source) => [source, architecture] as const)),
);

/** What converts a model whose config.json names `source`, e.g. `LlamaForCausalLM`. */
export const findArchitecture = (source: string): Architecture | undefined => bySource.get(source);
