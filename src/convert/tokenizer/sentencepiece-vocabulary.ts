import { isObject, type JsonObject } from "../json-object.ts";
import { readSentencePieces } from "./sentencepiece-model.ts";
import { looksSpecial, plainSpaces, tokenType, type Vocabulary } from "./token-type.ts";
import type { AddedToken } from "./tokenizer-json.ts";

export interface ScoredVocabulary extends Vocabulary {
  scores: number[];
}

export interface SentencePieceSources {
  model: Uint8Array;
  /** vocab_size of config.json; the model's own where it is absent. */
  size: number | undefined;
  /** added_tokens.json: text to id. */
  added: JsonObject;
  /** tokenizer_config.json. */
  settings: JsonObject;
  /** Phi-3: these of tokenizer.json come last, and only what is special there is for control. */
  fromTokenizerJson?: readonly AddedToken[] | undefined;
}

/** What llama.cpp's converter gives to tokens that no piece is, and to those that are added. */
const paddingScore = -10_000;
const addedScore = -1000;

/** Kinds of piece to kinds of token; user-defined pieces are normal, as llama.cpp's converter has them. */
const typeOfPiece: Readonly<Record<number, number>> = {
  2: tokenType.unknown,
  3: tokenType.control,
  5: tokenType.unused,
  6: tokenType.byte,
};

/** Tokens, scores and types by the rules of llama.cpp's converter; ids that are not below `size` are left out. */
export const sentencePieceVocabulary = (sources: SentencePieceSources): ScoredVocabulary => {
  const pieces = readSentencePieces(sources.model);
  const size = sources.size ?? pieces.length;
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const scores = Array.from({ length: size }, () => paddingScore);
  const types = Array.from({ length: size }, (): number => tokenType.unused);
  const set = (id: number, token: string, score: number, type: number) => {
    if (!Number.isInteger(id) || id < 0 || id >= size) return;
    tokens[id] = token;
    scores[id] = score;
    types[id] = type;
  };
  for (const [id, { text, score, type }] of pieces.entries())
    set(id, text, score, typeOfPiece[type] ?? tokenType.normal);
  for (const [token, id] of Object.entries(sources.added)) set(Number(id), token, addedScore, tokenType.userDefined);
  const strict = sources.fromTokenizerJson !== undefined;
  for (const { id, content, special } of [...decoderTokens(sources.settings), ...(sources.fromTokenizerJson ?? [])]) {
    if (special || (!strict && looksSpecial(content))) set(id, content, addedScore, tokenType.control);
    else set(id, strict ? content : plainSpaces(content), addedScore, tokenType.userDefined);
  }
  return { tokens, scores, types };
};

const decoderTokens = ({ added_tokens_decoder: decoder }: JsonObject) =>
  Object.entries(isObject(decoder) ? decoder : {}).flatMap(([id, token]) =>
    isObject(token) && typeof token.content === "string"
      ? [{ id: Number(id), content: token.content, special: token.special === true }]
      : [],
  );
