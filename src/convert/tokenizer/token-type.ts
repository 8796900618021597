/** Kinds of token in `tokenizer.ggml.token_type` (enum llama_token_type). */
export const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Tokens that are for control though their model's files do not say that they are special, as llama.cpp's converter has them. */
export const looksSpecial = (token: string): boolean =>
  names.has(token) ||
  (token.startsWith("<|") && token.endsWith("|>")) ||
  (token.startsWith("<｜") && token.endsWith("｜>")) ||
  (token.startsWith("<unused") && token.endsWith(">"));

const names = new Set(["<pad>", "<mask>", "<2mass>", "[@BOS@]"]);

/** Text of a token that stands in text: SentencePiece's stand-in for a space becomes a space. */
export const plainSpaces = (token: string): string => token.replaceAll("\u2581", " ");

export interface Vocabulary {
  tokens: string[];
  types: number[];
}
