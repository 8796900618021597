import { AppError } from "../../core/errors.ts";
import { sequenceSteps } from "./sequence-steps.ts";
import { splitText } from "./split-text.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";

/** Known patterns take a few milliseconds for the text by which they are told apart; a hostile one may take for ever. */
const patienceMs = 5_000;

/** Token ids of `text` without those that a post-processor adds, as Hugging Face's tokenizers encode it. */
export const encodeText = (tokenizer: TokenizerJson, text: string): number[] => {
  const encodeWord = bpe(tokenizer);
  const deadlineMs = performance.now() + patienceMs;
  const raw = tokenizer.addedTokens.filter((token) => !token.normalized);
  const normalized = tokenizer.addedTokens.filter((token) => token.normalized);
  return cutOut(text, raw).flatMap((part) =>
    typeof part === "number"
      ? [part]
      : cutOut(normalize(tokenizer.normalizer, part), normalized).flatMap((piece) =>
          typeof piece === "number"
            ? [piece]
            : splitText(tokenizer.preTokenizer, piece, deadlineMs).flatMap(encodeWord),
        ),
  );
};

/** Texts between added tokens, and the ids of these; of several that begin at a place the longest counts. */
const cutOut = (text: string, tokens: readonly AddedToken[]): (string | number)[] => {
  const ids = new Map(tokens.map(({ content, id }) => [content, id]));
  const patterns = [...tokens]
    .filter(({ content }) => content !== "" && text.includes(content))
    .sort((a, b) => b.content.length - a.content.length)
    .map(
      ({ content, stripsLeft, stripsRight }) =>
        `${stripsLeft ? "\\s*" : ""}${RegExp.escape(content)}${stripsRight ? "\\s*" : ""}`,
    );
  if (patterns.length === 0) return text === "" ? [] : [text];
  const parts: (string | number)[] = [];
  for (const part of text.split(new RegExp(`(${patterns.join("|")})`, "u"))) {
    const id = ids.get(part) ?? ids.get(part.trim());
    if (id !== undefined) parts.push(id);
    else if (part !== "") parts.push(part);
  }
  return parts;
};

const forms: ReadonlyMap<unknown, (text: string) => string> = new Map(
  ["NFC", "NFD", "NFKC", "NFKD"].map((form) => [form, (text) => text.normalize(form)]),
);

const normalize = (normalizer: unknown, text: string): string => {
  if (normalizer === null || normalizer === undefined) return text;
  return sequenceSteps(normalizer, "normalizers").reduce((done, { type }) => {
    const form = forms.get(type);
    if (form === undefined) throw new AppError("unsupported", "tokenizer.json: its normalizer is not converted");
    return form(done);
  }, text);
};

/** Merges neighbours, the pair of the lowest rank first. */
const bpe = ({ vocabulary, merges, ignoresMerges }: TokenizerJson) => {
  const ranks = new Map(merges.map(([a, b], rank) => [`${a} ${b}`, rank]));
  const getId = (symbol: string): number => {
    const id = vocabulary.get(symbol);
    if (id === undefined)
      throw new AppError(
        "unsupported",
        `tokenizer.json: ${JSON.stringify(symbol)} is no token, so it is no byte-level BPE`,
      );
    return id;
  };
  return (word: string): number[] => {
    if (ignoresMerges && vocabulary.has(word)) return [getId(word)];
    const symbols = [...word];
    for (let best = lowest(symbols, ranks); best !== undefined; best = lowest(symbols, ranks))
      symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
    return symbols.map(getId);
  };
};

/** Where the pair of the lowest rank begins. */
const lowest = (symbols: readonly string[], ranks: ReadonlyMap<string, number>): number | undefined => {
  let place: number | undefined;
  let lowestRank = Number.POSITIVE_INFINITY;
  for (let index = 0; index + 1 < symbols.length; index++) {
    const rank = ranks.get(`${symbols[index]} ${symbols[index + 1]}`) ?? Number.POSITIVE_INFINITY;
    if (rank >= lowestRank) continue;
    lowestRank = rank;
    place = index;
  }
  return place;
};
