import { AppError } from "../core/errors.ts";

/** What the small files of a repository say about its conversion. */
export interface ConversionPlan {
  /** llama.cpp's name, as it stands in `general.architecture`. */
  architecture: string;
  /** The name in config.json, e.g. `LlamaForCausalLM`. */
  sourceArchitecture: string;
  /** Whether the repository also has encoders of pictures or sounds, of which nothing is converted here. */
  hasEncoders: boolean;
}

const metadataNames = new Set([
  "config.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
  "added_tokens.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
]);

/** Names of the small files of a repository that `planConversion` wants, out of its file list. */
export const metadataFiles = (names: readonly string[]): string[] => names.filter((name) => metadataNames.has(name));

const shardPattern = /^model(?:-\d{5}-of-\d{5})?\.safetensors$/;
const indexName = "model.safetensors.index.json";

/** Names of the weight files (shards) of a repository out of its file list, with their index where there is one, in order. */
export const weightFiles = (names: readonly string[]): string[] =>
  names.filter((name) => shardPattern.test(name) || name === indexName).sort();

/**
 * What the small files of a repository say; pure. Throws `unsupported` naming the architecture, `corrupt` with the field.
 * Needs config.json and the tokenizer's files only, so that it can be asked before the weights are downloaded.
 */
export const planConversion = (files: ReadonlyMap<string, Uint8Array>): ConversionPlan => {
  const config = files.get("config.json");
  if (config === undefined) throw new AppError("unsupported", "the repository has no config.json");
  throw new AppError("unsupported", "no architecture is converted yet");
};
