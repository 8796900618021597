import type { GgufHeader } from "../gguf/header.ts";
import { modelFacts } from "../gguf/model-facts.ts";
import { modelShape } from "../gguf/model-shape.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import type { ModelDetails } from "./manifest.ts";

const licenseIdMaxChars = 100; // longer ones are the license's text, which is a file of its own

/** A part of a model's GGUF; most models have one. */
export interface ModelPart {
  path: string;
  /** How error messages call it. */
  label: string;
}

/**
 * Reads what listings show out of a model's GGUF, all parts in order, with the reader's bounds. `quantization` is what the file's name says.
 * Throws `corrupt` for a file that must not be loaded.
 */
export const readModelDetails = async (parts: readonly ModelPart[], quantization?: string): Promise<ModelDetails> => {
  const headers: GgufHeader[] = [];
  for (const { path, label } of parts) headers.push(await readGgufHeader(path, { arrayItemsMax: 0, label }));
  const [first] = headers; // the only one with the model's own keys
  if (!first) throw new TypeError("a model needs a model file");
  const facts = modelFacts(first);
  const { license } = facts;
  const sum = (of: (header: GgufHeader) => number) => headers.reduce((total, header) => total + of(header), 0);
  return {
    format: "gguf",
    architecture: facts.architecture,
    parameterCount: sum((header) => modelFacts(header).parameterCount),
    quantization: quantization ?? facts.quantization,
    contextLength: facts.contextTokens ?? 0,
    embeddingLength: facts.embeddingLength ?? 0,
    capabilities: facts.capabilities,
    shape: { ...modelShape(first), sizeBytes: sum(({ sizeBytes }) => sizeBytes) },
    ...(license !== undefined && license.length <= licenseIdMaxChars ? { license } : {}),
  };
};
