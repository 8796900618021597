import { findFileTypeName } from "./file-types.ts";
import type { GgufHeader, GgufTensor } from "./header.ts";
import { findNumber, findText, type GgufMetadata } from "./value.ts";

type ModelCapability = "completion" | "embedding" | "rerank" | "tools" | "thinking";

/** What a header tells about its model. Optional fields are absent when the file does not say. */
export interface ModelFacts {
  /** `general.architecture`, e.g. `llama`; `unknown` when the file does not say. */
  architecture: string;
  name?: string;
  /** Elements of all tensors. */
  parameterCount: number;
  /** E.g. `Q4_K_M`; from `general.file_type`, else the type of most tensor bytes. */
  quantization: string;
  /** What the model was trained with, in tokens. */
  contextTokens?: number;
  embeddingLength?: number;
  blockCount?: number;
  /** Tokens in the vocabulary. */
  vocabSize?: number;
  hasTokenizer: boolean;
  /** `general.license`: an identifier such as `apache-2.0`, or the licence's text. */
  license?: string;
  licenseLink?: string;
  chatTemplate?: string;
  /** As Ollama's /api/show lists them, and `rerank`; what the chat template mentions, not what the model is good at. Senses are the projector's. */
  capabilities: ModelCapability[];
}

/** Reads the facts out of a header; arrays need not have been kept (`arrayItemsMax: 0`). */
export const modelFacts = ({ metadata, tensors }: GgufHeader): ModelFacts => {
  const architecture = findText(metadata, "general.architecture") ?? "unknown";
  const chatTemplate = findText(metadata, "tokenizer.chat_template");
  const facts = {
    name: findText(metadata, "general.name"),
    contextTokens: findNumber(metadata, `${architecture}.context_length`),
    embeddingLength: findNumber(metadata, `${architecture}.embedding_length`),
    blockCount: findNumber(metadata, `${architecture}.block_count`),
    vocabSize: findLength(metadata, "tokenizer.ggml.tokens") ?? findNumber(metadata, `${architecture}.vocab_size`),
    license: findText(metadata, "general.license"),
    licenseLink: findText(metadata, "general.license.link"),
    chatTemplate,
  };
  return {
    architecture,
    ...dropUndefined(facts),
    parameterCount: tensors.reduce((sum, { dims }) => sum + elementCount(dims), 0),
    quantization: findFileTypeName(findNumber(metadata, "general.file_type") ?? -1) ?? mainType(tensors),
    hasTokenizer: findText(metadata, "tokenizer.ggml.model") !== undefined,
    capabilities: capabilitiesOf({ metadata, tensors }, architecture, chatTemplate),
  };
};

const poolingRank = 4; // LLAMA_POOLING_TYPE_RANK

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

const dropUndefined = <T extends object>(fields: T): Present<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;

const elementCount = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

const findLength = (metadata: GgufMetadata, key: string) => {
  const found = metadata.get(key);
  return found?.type === "array" ? found.length : undefined;
};

const mainType = (tensors: readonly GgufTensor[]): string => {
  const bytes = new Map<string, number>();
  for (const { type, sizeBytes } of tensors) bytes.set(type, (bytes.get(type) ?? 0) + sizeBytes);
  const [main] = [...bytes].sort(([, a], [, b]) => b - a);
  return main?.[0] ?? "unknown";
};

const capabilitiesOf = (
  { metadata, tensors }: Pick<GgufHeader, "metadata" | "tensors">,
  architecture: string,
  template = "",
): ModelCapability[] => {
  // Converters leave the pooling out where the head says it all.
  const isRanker = findNumber(metadata, `${architecture}.pooling_type`) === poolingRank;
  if (isRanker || tensors.some(({ name }) => /^cls\.(output\.)?weight$/.test(name))) return ["rerank"];
  const embedding = metadata.has(`${architecture}.pooling_type`);
  return [
    embedding ? "embedding" : "completion",
    ...(/\btools\b/.test(template) ? (["tools"] as const) : []),
    ...(/enable_thinking|<think>|<\|channel\|>|reasoning_content/.test(template) ? (["thinking"] as const) : []),
  ];
};
