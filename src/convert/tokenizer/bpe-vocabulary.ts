import { AppError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../json-object.ts";
import { contentOf } from "./identify-pre-tokenizer.ts";
import { looksSpecial, plainSpaces, tokenType, type Vocabulary } from "./token-type.ts";
import { type AddedToken, readAddedToken, type TokenizerJson } from "./tokenizer-json.ts";

/** Every id below `size` with its token; ids that no token has are padding. Throws `corrupt` when a token's id is not below it. */
export const bpeVocabulary = (
  { vocabulary }: TokenizerJson,
  added: readonly AddedToken[],
  size: number,
): Vocabulary => {
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: size }, (): number => tokenType.unused);
  const set = (id: number, token: string, type: number) => {
    if (id >= size)
      throw new AppError("corrupt", `tokenizer.json has a token ${id}, vocab_size of config.json is ${size}`);
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of vocabulary) set(id, token, tokenType.normal);
  for (const { id, content, special } of added)
    if (special || looksSpecial(content)) set(id, content, tokenType.control);
    else set(id, plainSpaces(content), tokenType.userDefined);
  return { tokens, types };
};

/**
 * Added tokens as transformers has them after reading both files: those of tokenizer.json, changed by `added_tokens_decoder` of
 * tokenizer_config.json, and the named special tokens, which are special even where no list says so.
 */
export const allAddedTokens = (tokenizer: TokenizerJson, settings: JsonObject): AddedToken[] => {
  const byId = new Map(tokenizer.addedTokens.map((token) => [token.id, token]));
  const decoder = isObject(settings.added_tokens_decoder) ? settings.added_tokens_decoder : {};
  for (const [id, token] of Object.entries(decoder)) {
    const added = readAddedToken(token, Number(id));
    byId.set(added.id, added);
  }
  for (const content of namedTokens(settings)) {
    const known = [...byId.values()].find((token) => token.content === content);
    const id = known?.id ?? tokenizer.vocabulary.get(content);
    if (id !== undefined && !known?.special)
      byId.set(id, { id, content, special: true, normalized: false, stripsLeft: false, stripsRight: false });
  }
  return [...byId.values()];
};

const namedKeys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

const namedTokens = (settings: JsonObject): string[] => {
  const further = Array.isArray(settings.additional_special_tokens) ? settings.additional_special_tokens : [];
  return [...namedKeys.map((key) => settings[key]), ...further].flatMap((token) => contentOf(token) ?? []);
};
