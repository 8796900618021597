import { modelFacts } from "../gguf/model-facts.ts";
import { modelShape } from "../gguf/model-shape.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import type { ModelDetails } from "./manifest.ts";

const licenseIdMaxChars = 100; // longer ones are the license's text, which is a file of its own

/**
 * Reads what listings show out of a GGUF file, with the reader's bounds. `quantization` is what the file's name says.
 * Throws `corrupt` for a file that must not be loaded; `label` names it in the message.
 */
export const readModelDetails = async (path: string, label: string, quantization?: string): Promise<ModelDetails> => {
  const header = await readGgufHeader(path, { arrayItemsMax: 0, label });
  const facts = modelFacts(header);
  const { license } = facts;
  return {
    format: "gguf",
    architecture: facts.architecture,
    parameterCount: facts.parameterCount,
    quantization: quantization ?? facts.quantization,
    contextLength: facts.contextTokens ?? 0,
    embeddingLength: facts.embeddingLength ?? 0,
    capabilities: facts.capabilities,
    shape: modelShape(header),
    ...(license !== undefined && license.length <= licenseIdMaxChars ? { license } : {}),
  };
};
