import type { OllamaModelDetails } from "../api/ollama.ts";
import { formatCount } from "../core/format.ts";
import type { Manifest } from "../store/manifest.ts";

/** Ollama's summary of a model; empty for one that left the store while it was loaded. */
export const toDetails = (manifest: Manifest | undefined): OllamaModelDetails => {
  const details = manifest?.details;
  return {
    parent_model: "",
    format: details?.format ?? "",
    family: details?.architecture ?? "",
    families: details?.architecture ? [details.architecture] : [],
    parameter_size: details?.parameterCount ? formatCount(details.parameterCount) : "",
    quantization_level: details?.quantization ?? "",
  };
};
