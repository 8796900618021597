import { AppError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../json-object.ts";
import { type Piece, pieceKind } from "./sentencepiece-model.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

/** SentencePiece's stand-in for a space. */
const space = "\u2581";

/**
 * The pieces, by their ids, of the SentencePiece model that a BPE with byte_fallback was made of. llama.cpp joins the neighbours first that
 * make the piece with the highest score; tokenizer.json lists the pairs, those first that are joined first. So a piece's score is the
 * negative place of the first pair that makes it.
 */
export const fallbackPieces = ({ vocabulary, merges }: TokenizerJson): Piece[] => {
  const places = new Map<string, number>();
  for (const [place, pair] of merges.entries()) {
    const made = pair.join("");
    if (!places.has(made)) places.set(made, place);
  }
  const pieces: Piece[] = [];
  for (const [text, id] of vocabulary) {
    const type = /^<0x[0-9A-Fa-f]{2}>$/.test(text) ? pieceKind.byte : pieceKind.normal;
    pieces[id] = { text, score: -(places.get(text) ?? merges.length), type };
  }
  return Array.from(pieces, (piece, id) => piece ?? { text: `[PAD${id}]`, score: 0, type: pieceKind.unused });
};

/**
 * Whether each text gets a space before it. Throws `unsupported` where texts are changed or split otherwise than llama.cpp does for
 * SentencePiece, which only replaces spaces.
 */
export const prefixesSpace = ({ normalizer, preTokenizer }: TokenizerJson): boolean => {
  const steps = [...stepsOf(normalizer, "normalizers"), ...stepsOf(preTokenizer, "pretokenizers")];
  const other = steps.find((step) => !known.some((matches) => matches(step)));
  if (other !== undefined || !steps.some((step) => replacesSpaces(step) || isMetaspace(step)))
    throw new AppError(
      "unsupported",
      `tokenizer.json prepares texts in a way that llama.cpp has not (${other?.type ?? "spaces stay"}), and there is no tokenizer.model`,
    );
  return steps.some((step) => prepends(step) || (isMetaspace(step) && step.prepend_scheme !== "never"));
};

/** A step, or those of a sequence. */
const stepsOf = (step: unknown, key: string): JsonObject[] => {
  if (!isObject(step)) return [];
  const inner = step[key];
  return step.type === "Sequence" && Array.isArray(inner) ? inner.flatMap((one) => stepsOf(one, key)) : [step];
};

type Test = (step: JsonObject) => boolean;

const isSpace = (pattern: unknown): boolean => isObject(pattern) && pattern.String === " ";
const prepends: Test = ({ type, prepend }) => type === "Prepend" && prepend === space;
const replacesSpaces: Test = ({ type, pattern, content }) =>
  type === "Replace" && isSpace(pattern) && content === space;
/** Gemma's; it comes after all spaces are replaced. */
const splitsAtSpaces: Test = ({ type, pattern }) => type === "Split" && isSpace(pattern);
const isMetaspace: Test = ({ type, replacement, split }) =>
  type === "Metaspace" && replacement === space && split === false;

const known = [prepends, replacesSpaces, splitsAtSpaces, isMetaspace];
