import { AppError } from "../../core/errors.ts";
import type { GgufValue } from "../../gguf/value.ts";
import type { TokenizerRules } from "../architectures/architecture.ts";
import { flag, list, text } from "../gguf-values.ts";
import { findJsonFile, type JsonObject } from "../json-object.ts";
import { allAddedTokens, bpeVocabulary } from "./bpe-vocabulary.ts";
import { fallbackPieces, prefixesSpace } from "./byte-fallback.ts";
import { chatTemplates } from "./chat-template.ts";
import { identifyPreTokenizer } from "./identify-pre-tokenizer.ts";
import { readSentencePieces } from "./sentencepiece-model.ts";
import { type ScoredVocabulary, sentencePieceVocabulary } from "./sentencepiece-vocabulary.ts";
import { specialTokens } from "./special-tokens.ts";
import {
  type AddedToken,
  readAddedTokens,
  readTokenizerJson,
  type TokenizerJson,
  tokensMax,
} from "./tokenizer-json.ts";

type Files = ReadonlyMap<string, Uint8Array>;
type Values = Record<string, GgufValue>;

interface Sources {
  files: Files;
  /** config.json. */
  config: JsonObject;
  /** vocab_size. */
  size: number | undefined;
  /** tokenizer_config.json. */
  settings: JsonObject | undefined;
}

/** The keys of the tokenizer, `tokenizer.*`. Throws `unsupported` and `corrupt` as its parts do. */
export const tokenizerValues = (
  files: Files,
  config: JsonObject,
  size: number | undefined,
  rules: TokenizerRules,
): Values => {
  if (size !== undefined && size > tokensMax) throw new AppError("corrupt", `config.json: vocab_size is ${size}`);
  const sources = { files, config, size, settings: findJsonFile(files, "tokenizer_config.json") };
  const prefix = rules.addSpacePrefix ?? (rules.readsSpacePrefix ? sources.settings?.add_prefix_space : undefined);
  return {
    ...(typeof prefix === "boolean" && { "tokenizer.ggml.add_space_prefix": flag(prefix) }),
    ...(usesSentencePiece(sources, rules) ? sentencePieceValues(sources, rules) : jsonValues(sources)),
    ...(size === undefined ? {} : rules.byVocabularySize?.[size]),
    ...chatTemplates(files, sources.settings),
  };
};

const usesSentencePiece = ({ files, settings }: Sources, rules: TokenizerRules): boolean =>
  rules.kind === "sentencepiece" &&
  files.has("tokenizer.model") &&
  !(rules.addsFromTokenizerJson && settings?.tokenizer_class === "GPT2Tokenizer"); // Phi-4

const jsonValues = (sources: Sources): Values => {
  const file = sources.files.get("tokenizer.json");
  if (file === undefined)
    throw new AppError("unsupported", "the repository has neither tokenizer.json nor tokenizer.model");
  const tokenizer = readTokenizerJson(file);
  return tokenizer.fallsBackToBytes ? fallbackValues(sources, tokenizer) : bpeValues(sources, tokenizer);
};

const bpeValues = ({ config, size, settings }: Sources, tokenizer: TokenizerJson): Values => {
  const added = allAddedTokens(tokenizer, settings ?? {});
  const full = { ...tokenizer, addedTokens: added };
  const { tokens, types } = bpeVocabulary(tokenizer, added, size ?? tokenizer.vocabulary.size + added.length);
  return {
    "tokenizer.ggml.model": text("gpt2"),
    "tokenizer.ggml.pre": text(identifyPreTokenizer(full, settings ?? {})),
    "tokenizer.ggml.tokens": list("string", tokens),
    "tokenizer.ggml.token_type": list("int32", types),
    ...(tokenizer.merges.length > 0 && { "tokenizer.ggml.merges": list("string", tokenizer.merges.map(spellMerge)) }),
    ...specialTokens({ settings, config, added: tokenizer.addedTokens, postProcessor: tokenizer.postProcessor }),
  };
};

/** Spaces within a part would be read as its end; llama.cpp expects the character that stands for the byte. */
const spellMerge = (pair: readonly [string, string]): string =>
  pair.map((part) => part.replaceAll(" ", "\u0120")).join(" ");

const sentencePieceValues = (sources: Sources, rules: TokenizerRules): Values => {
  const json = findJsonFile(sources.files, "tokenizer.json");
  const added = json ? readAddedTokens(json) : [];
  const strict = rules.addsFromTokenizerJson === true;
  const vocabulary = sentencePieceVocabulary({
    pieces: readSentencePieces(sources.files.get("tokenizer.model") ?? new Uint8Array(0)),
    ...vocabularySources(sources),
    ...{ strict, fromTokenizerJson: strict ? added : undefined },
  });
  return scoredValues(vocabulary, sources, added, json?.post_processor);
};

/** A BPE with byte_fallback is a SentencePiece model in other words; llama.cpp knows it as that. */
const fallbackValues = (sources: Sources, tokenizer: TokenizerJson): Values => {
  const vocabulary = sentencePieceVocabulary({
    pieces: fallbackPieces(tokenizer),
    ...vocabularySources(sources),
    fromTokenizerJson: tokenizer.addedTokens,
  });
  return {
    ...scoredValues(vocabulary, sources, tokenizer.addedTokens, tokenizer.postProcessor),
    ...(!prefixesSpace(tokenizer) && { "tokenizer.ggml.add_space_prefix": flag(false) }),
  };
};

const vocabularySources = ({ files, size, settings }: Sources) => ({
  size,
  added: findJsonFile(files, "added_tokens.json") ?? {},
  settings: settings ?? {},
});

const scoredValues = (
  { tokens, scores, types }: ScoredVocabulary,
  { settings, config }: Sources,
  added: readonly AddedToken[],
  postProcessor: unknown,
): Values => ({
  "tokenizer.ggml.model": text("llama"),
  "tokenizer.ggml.pre": text("default"),
  "tokenizer.ggml.tokens": list("string", tokens),
  "tokenizer.ggml.scores": list("float32", scores),
  "tokenizer.ggml.token_type": list("int32", types),
  ...specialTokens({ settings, config, added, postProcessor, tokensMax: tokens.length }),
});
