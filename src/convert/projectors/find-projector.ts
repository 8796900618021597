import { gemma3 } from "./gemma3.ts";
import type { Projector } from "./projector.ts";
import { qwen2Vl, qwen25Vl } from "./qwen2-vl.ts";

const bySource: ReadonlyMap<string, Projector> = new Map(
  [gemma3, qwen2Vl, qwen25Vl].flatMap((projector) => projector.sources.map((source) => [source, projector] as const)),
);

/** What converts the encoder of a model whose config.json names `source`, e.g. `Gemma3ForConditionalGeneration`. */
export const findProjector = (source: string): Projector | undefined => bySource.get(source);
