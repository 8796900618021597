import { createHash } from "node:crypto";
import { AppError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../json-object.ts";
import { encodeText } from "./encode-text.ts";
import { checkText, findPreTokenizer } from "./pre-tokenizers.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

/**
 * llama.cpp's name for the way in which a byte-level BPE splits text, by what it makes of a fixed text. Throws `unsupported` when
 * nobody knows the result: a wrong name would give a model that answers a little worse, which nobody would notice.
 */
export const identifyPreTokenizer = (tokenizer: TokenizerJson, settings: JsonObject): string => {
  const ids = encodeText(tokenizer, checkText);
  for (const framed of framings(tokenizer, settings, ids)) {
    const name = findPreTokenizer(hashOf(framed));
    if (name !== undefined) return name;
  }
  throw new AppError(
    "unsupported",
    `llama.cpp knows no pre-tokenizer that splits text as this tokenizer.json does (${hashOf(ids).slice(0, 16)})`,
  );
};

/** As Python prints a list. */
const hashOf = (ids: readonly number[]): string =>
  createHash("sha256")
    .update(`[${ids.join(", ")}]`)
    .digest("hex");

/**
 * With the tokens that the post-processor adds, and as tokenizer_config.json may say instead: which of the two counts depends on
 * the tokenizer's class and on the version of transformers. The ids between them are the same, so one that is known cannot be wrong.
 */
const framings = (tokenizer: TokenizerJson, settings: JsonObject, ids: readonly number[]): (readonly number[])[] => {
  const [before, after] = frame(tokenizer);
  const bos = settings.add_bos_token === true ? idsOf(tokenizer, contentOf(settings.bos_token)) : [];
  return [[...before, ...ids, ...after], ids, [...bos, ...ids]];
};

/** A special token is text, or an object that holds it. */
export const contentOf = (token: unknown): string | undefined => {
  const content = isObject(token) ? token.content : token;
  return typeof content === "string" ? content : undefined;
};

const idsOf = ({ addedTokens, vocabulary }: TokenizerJson, content: string | undefined): number[] => {
  if (content === undefined) return [];
  const id = addedTokens.find((token) => token.content === content)?.id ?? vocabulary.get(content);
  return id === undefined ? [] : [id];
};

/** Ids that TemplateProcessing puts before and after a single sequence. */
const frame = (tokenizer: TokenizerJson): [before: number[], after: number[]] => {
  const around: [number[], number[]] = [[], []];
  for (const template of templatesOf(tokenizer.postProcessor)) {
    let side: 0 | 1 = 0;
    for (const item of template) {
      if (isObject(item.Sequence)) side = 1;
      if (isObject(item.SpecialToken)) around[side].push(...idsOf(tokenizer, contentOf(item.SpecialToken.id)));
    }
  }
  return around;
};

/** The templates for a single sequence in a post-processor. */
const templatesOf = (postProcessor: unknown): JsonObject[][] => {
  if (!isObject(postProcessor)) return [];
  const processors = Array.isArray(postProcessor.processors) ? postProcessor.processors : [postProcessor];
  return processors
    .filter((one) => isObject(one) && one.type === "TemplateProcessing" && Array.isArray(one.single))
    .map((one) => one.single.filter(isObject));
};
