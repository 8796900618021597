import type { ModelReading } from "../types.ts";

/** The form in which model names are compared: small letters, without the Hub's host and without `:latest`. */
export const modelKey = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^(?:hf:\/\/|(?:https?:\/\/)?(?:www\.)?(?:hf\.co|huggingface\.co)\/)/, "")
    .replace(/:latest$/, "");

/**
 * Every name by which a node's models may be asked for -> the model: its name, its other names, the name with its quantization, and
 * each of them as `modelKey` and with `:latest`. What a model is called goes before what another may be called too.
 */
export const indexModels = (models: readonly ModelReading[]): ReadonlyMap<string, ModelReading> => {
  const index = new Map<string, ModelReading>();
  const add = (name: string, model: ModelReading) => {
    if (!index.has(name)) index.set(name, model);
  };
  for (const model of models) add(model.name.toLowerCase(), model);
  for (const model of models) add(modelKey(model.name), model);
  for (const model of models) {
    for (const name of otherNames(model)) {
      const key = modelKey(name);
      add(key, model);
      if (!hasTag(key)) add(`${key}:latest`, model);
    }
  }
  return index;
};

const otherNames = ({ name, aliases = [], quantization }: ModelReading): string[] => {
  const key = modelKey(name);
  return [key, ...(quantization && !hasTag(key) ? [`${key}:${quantization}`] : []), ...aliases];
};

/** A colon after the last slash: one before it is a port or `ollama:`. */
const hasTag = (key: string): boolean => key.replace(/^ollama:/, "").lastIndexOf(":") > key.lastIndexOf("/");
