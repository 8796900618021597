import type { GenerationDefaults } from "../core/generation-defaults.ts";
import { fromOllamaParams } from "../dialect/ollama-params.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { NodeDeps } from "./deps.ts";

/** What a model's maker wants where a request is silent; empty for most models. */
export const modelDefaults = ({ store }: Pick<NodeDeps, "store">, model: StoredModel): GenerationDefaults => {
  const settings = store.settings(model);
  if (!settings) return {};
  const { params, messages, system } = settings;
  return { ...fromOllamaParams(params), messages, ...(system !== undefined && { system }) };
};
