import { AppError } from "../../core/errors.ts";
import { isObject, type JsonObject, parseJsonObject } from "../json-object.ts";

export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  normalized: boolean;
  /** White space on that side belongs to the token. */
  stripsLeft: boolean;
  stripsRight: boolean;
}

/** A BPE out of tokenizer.json. */
export interface TokenizerJson {
  vocabulary: ReadonlyMap<string, number>;
  merges: readonly (readonly [string, string])[];
  /** A word that is a token is that token, whatever the merges say. */
  ignoresMerges: boolean;
  /** A character that is no token becomes its bytes: not the bytes are joined, as in a byte-level BPE, but characters. */
  fallsBackToBytes: boolean;
  addedTokens: readonly AddedToken[];
  normalizer: unknown;
  preTokenizer: unknown;
  postProcessor: unknown;
}

/** Ids above this stand in no real vocabulary; bounds what an id in a file can make us allocate. */
export const tokensMax = 4 * 1024 ** 2;

/** Throws `corrupt` naming the field, `unsupported` for tokenizers that are no BPE. */
export const readTokenizerJson = (bytes: Uint8Array): TokenizerJson => {
  const json = parseJsonObject(bytes, "tokenizer.json");
  const model = isObject(json.model) ? json.model : broken("model");
  const type = model.type ?? (model.merges ? "BPE" : "unknown");
  if (type !== "BPE") throw new AppError("unsupported", "tokenizer.json is no BPE, and there is no tokenizer.model");
  const vocabulary = isObject(model.vocab) ? model.vocab : broken("model.vocab");
  return {
    vocabulary: new Map(Object.entries(vocabulary).map(([token, id]) => [token, readId(id, "model.vocab")])),
    merges: readMerges(model.merges),
    ignoresMerges: model.ignore_merges === true,
    fallsBackToBytes: model.byte_fallback === true,
    addedTokens: readAddedTokens(json),
    normalizer: json.normalizer,
    preTokenizer: json.pre_tokenizer,
    postProcessor: json.post_processor,
  };
};

/** `added_tokens` of tokenizer.json; a file without them has none. */
export const readAddedTokens = ({ added_tokens: list = [] }: JsonObject): AddedToken[] =>
  Array.isArray(list)
    ? list.map((token) => readAddedToken(token, isObject(token) ? token.id : undefined))
    : broken("added_tokens");

export const readAddedToken = (token: unknown, id: unknown): AddedToken => {
  if (!isObject(token) || typeof token.content !== "string") return broken("added_tokens");
  return {
    id: readId(id, "added_tokens"),
    content: token.content,
    special: token.special === true,
    normalized: token.normalized === true,
    stripsLeft: token.lstrip === true,
    stripsRight: token.rstrip === true,
  };
};

const readId = (id: unknown, field: string): number =>
  typeof id === "number" && Number.isInteger(id) && id >= 0 && id < tokensMax ? id : broken(field);

const readMerges = (merges: unknown): (readonly [string, string])[] =>
  Array.isArray(merges) ? merges.map(readMerge) : broken("model.merges");

/** `"a b"`, or since transformers 4.45 `["a", "b"]`, whose parts may hold spaces. */
const readMerge = (merge: unknown): readonly [string, string] => {
  const parts = typeof merge === "string" ? merge.split(" ") : merge;
  if (!Array.isArray(parts)) return broken("model.merges");
  const [first, second, ...rest] = parts;
  if (typeof first !== "string" || typeof second !== "string" || rest.length > 0) return broken("model.merges");
  return [first, second];
};

const broken = (field: string): never => {
  throw new AppError("corrupt", `tokenizer.json: ${field} is missing or not usable`);
};
