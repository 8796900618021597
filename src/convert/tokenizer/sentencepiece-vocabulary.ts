import { isObject, type JsonObject } from "../json-object.ts";
import { type Piece, pieceKind } from "./sentencepiece-model.ts";
import { looksSpecial, plainSpaces, tokenType, type Vocabulary } from "./token-type.ts";
import type { AddedToken } from "./tokenizer-json.ts";

export interface ScoredVocabulary extends Vocabulary {
  scores: number[];
}

export interface SentencePieceSources {
  /** Of tokenizer.model, or of what stands for it. */
  pieces: readonly Piece[];
  /** vocab_size of config.json; the model's own where it is absent. */
  size: number | undefined;
  /** added_tokens.json: text to id. */
  added: JsonObject;
  /** tokenizer_config.json. */
  settings: JsonObject;
  /** Of tokenizer.json; they come last. */
  fromTokenizerJson?: readonly AddedToken[] | undefined;
  /** Phi-3: only what those files call special is for control. */
  strict?: boolean | undefined;
}

/** What llama.cpp's converter gives to tokens that no piece is, and to those that are added. */
const paddingScore = -10_000;
const addedScore = -1000;

/** Kinds of piece to kinds of token; user-defined pieces are normal, as llama.cpp's converter has them. */
const typeOfPiece: Readonly<Record<number, number>> = {
  [pieceKind.unknown]: tokenType.unknown,
  [pieceKind.control]: tokenType.control,
  [pieceKind.unused]: tokenType.unused,
  [pieceKind.byte]: tokenType.byte,
};

/** Tokens, scores and types by the rules of llama.cpp's converter; ids that are not below `size` are left out. */
export const sentencePieceVocabulary = (sources: SentencePieceSources): ScoredVocabulary => {
  const { pieces, strict = false } = sources;
  const size = sources.size ?? pieces.length;
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const scores = Array.from({ length: size }, () => paddingScore);
  const types = Array.from({ length: size }, (): number => tokenType.unused);
  const set = (id: unknown, token: string, score: number, type: number) => {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= size) return;
    tokens[id] = token;
    scores[id] = score;
    types[id] = type;
  };
  for (const [id, { text, score, type }] of pieces.entries())
    set(id, text, score, typeOfPiece[type] ?? tokenType.normal);
  for (const [token, id] of Object.entries(sources.added)) set(id, token, addedScore, tokenType.userDefined);
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
