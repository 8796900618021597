import { AppError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../json-object.ts";
import { byteAlphabet } from "./byte-alphabet.ts";
import { sequenceSteps } from "./sequence-steps.ts";

type Splitter = (words: readonly string[], cut: Cut) => string[];

/** `text` cut into the matches of `regex` and what lies between them, without one of the two when it is `removed`. */
type Cut = (text: string, regex: RegExp, removed?: "matches" | "gaps") => string[];

/** The pattern that ByteLevel has of its own (GPT-2's). */
const gpt2Pattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/**
 * Applies `pre_tokenizer` of tokenizer.json to a text: words in GPT-2's byte alphabet. Only for finding out which pre-tokenizer it is:
 * what is not as in Hugging Face's library ends in a hash that nobody knows. Throws `unsupported` for kinds that no byte-level BPE has, and
 * for patterns that are still at work when `performance.now()` is past the deadline.
 */
export const splitText = (preTokenizer: unknown, text: string, deadlineMs: number): string[] => {
  const cut = cutUntil(deadlineMs);
  return sequenceSteps(preTokenizer, "pretokenizers")
    .map(splitter)
    .reduce<string[]>((parts, step) => step(parts, cut), [text]);
};

const splitter = (step: JsonObject): Splitter => {
  const { type } = step;
  const make = typeof type === "string" && Object.hasOwn(splitters, type) ? splitters[type] : undefined;
  if (make === undefined) throw unsupported(type);
  return make(step);
};

const splitters: Record<string, (step: JsonObject) => Splitter> = {
  Split: ({ pattern, behavior, invert }) => {
    const regex = toRegExp(pattern);
    const removed = behavior === "Removed";
    if (!removed && behavior !== "Isolated") throw unsupported("Split by another behavior than Isolated or Removed");
    return (words, cut) =>
      words.flatMap((word) => cut(word, regex, removed ? (invert === true ? "gaps" : "matches") : undefined));
  },
  Digits: ({ individual_digits: single }) => {
    const regex = single === true ? /\p{N}/gu : /\p{N}+/gu;
    return (words, cut) => words.flatMap((word) => cut(word, regex));
  },
  Punctuation: () => (words, cut) => words.flatMap((word) => cut(word, /[!-/:-@[-`{-~]|\p{P}/gu)),
  ByteLevel: ({ add_prefix_space: prefix, use_regex: splits }) => {
    const regex = splits === false ? undefined : gpt2Pattern;
    return (words, cut) =>
      words
        .map((word) => (prefix === true && !word.startsWith(" ") ? ` ${word}` : word))
        .flatMap((word) => (regex ? cut(word, regex) : [word]))
        .map((word) => Array.from(new TextEncoder().encode(word), (byte) => byteAlphabet[byte]).join(""));
  },
};

/** JavaScriptCore gives up a single match after seconds, but there may be one for each character. */
const cutUntil =
  (deadlineMs: number): Cut =>
  (text, regex, removed) => {
    const parts: string[] = [];
    const push = (part: string, kind: "matches" | "gaps") => {
      if (performance.now() > deadlineMs) throw new AppError("unsupported", tooSlow);
      if (part !== "" && kind !== removed) parts.push(part);
    };
    let end = 0;
    for (const match of text.matchAll(regex)) {
      push(text.slice(end, match.index), "gaps");
      push(match[0], "matches");
      end = match.index + match[0].length;
    }
    push(text.slice(end), "gaps");
    return parts;
  };

const tooSlow = "tokenizer.json: its pre-tokenizer takes too long to split a text";

/** Patterns are Oniguruma's; `{ Regex }` or the text itself in `{ String }`. */
const toRegExp = (pattern: unknown): RegExp => {
  const source = isObject(pattern) ? (pattern.Regex ?? pattern.String) : undefined;
  if (!isObject(pattern) || typeof source !== "string") throw unsupported("Split without a pattern");
  try {
    return new RegExp(typeof pattern.String === "string" ? RegExp.escape(source) : forJavaScript(source), "gu");
  } catch (cause) {
    throw new AppError(
      "unsupported",
      `the pre-tokenizer's pattern ${JSON.stringify(source.slice(0, 100))} is not understood`,
      {
        cause,
      },
    );
  }
};

/**
 * JavaScript has no possessive quantifiers and allows no needless escapes. The former are made greedy, which is the same in the
 * patterns that are known, where what follows cannot begin as what was taken.
 */
const forJavaScript = (source: string): string =>
  source.replace(/(?<!\\)(\{\d+(?:,\d*)?\}|[?*+])\+/g, "$1").replace(/\\([^A-Za-z0-9^$\\.*+?()[\]{}|/-])/gu, "$1");

const unsupported = (what: unknown) =>
  new AppError(
    "unsupported",
    `tokenizer.json: the pre-tokenizer ${typeof what === "string" ? what.slice(0, 100) : "without a type"} is not converted`,
  );
