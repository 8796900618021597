import { AppError } from "../core/errors.ts";
import { formatModelRef, type OllamaRef } from "../core/model-ref.ts";
import type { ModelName } from "./manifest.ts";

// What Ollama leaves out of a name.
const defaultHost = "registry.ollama.ai";
const defaultNamespace = "library";

/** The full name that a reference means; undefined for one with more parts than Ollama knows. */
export const findOllamaName = ({ name, tag }: OllamaRef): ModelName | undefined => {
  const parts = name.split("/").reverse();
  const [model, org = defaultNamespace, host = defaultHost] = parts;
  return model === undefined || parts.length > 3 ? undefined : { host, org, name: model, tag };
};

/** The shortest name that means the model: `ollama:llama3.2`, `ollama:user/name:TAG`, `ollama:hf.co/org/name`. */
export const showOllamaName = ({ host, org, name, tag }: ModelName): string => {
  const isDefaultHost = host === defaultHost;
  const namespace = isDefaultHost && org === defaultNamespace ? "" : `${org}/`;
  return formatModelRef({ kind: "ollama", name: `${isDefaultHost ? "" : `${host}/`}${namespace}${name}`, tag });
};

/** Ollama's parts of a name, each the name of a folder or a file; what is not addressable is left out of the list too. */
export const isOllamaPart = (part: string): boolean =>
  part.length <= 200 && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(part) && !part.includes("..");

export const isOllamaHost = (part: string): boolean => isOllamaPart(part.replace(/:\d{1,5}$/, ""));

/** Why `verb`, one of Ollama's own commands, is not done to its models. */
export const refuseOllama = (ref: OllamaRef, verb: "rm" | "pull" | "cp"): AppError => {
  const shown = formatModelRef(ref);
  const name = shown.slice("ollama:".length);
  return new AppError(
    "read_only",
    `"${shown}" is in Ollama's store, which llmlb only reads; use "ollama ${verb} ${name}"`,
  );
};
