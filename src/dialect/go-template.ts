import { AppError } from "../core/errors.ts";

/** What a template may name; `Response` stands where the answer begins. */
export interface TemplateFields {
  System: string;
  Prompt: string;
  Suffix: string;
}

/**
 * The prompt that a Go template (https://pkg.go.dev/text/template) makes: all that stands before `{{ .Response }}`, or the whole
 * where that is not named, as with Ollama. Knows fields, comments, `if` with `and`, `or` and `not`, `else` and `end`, and the marks
 * that trim white space; no well-kept package knows more. Throws `invalid_argument` for anything else.
 */
export const renderGoTemplate = (template: string, fields: TemplateFields): string => {
  const cursor: Cursor = { pieces: split(template), at: 0 };
  const nodes = readNodes(cursor, 0);
  const rest = cursor.pieces[cursor.at];
  if (rest) throw unknown(rest.source);
  return write(nodes, fields).text;
};

type Field = keyof TemplateFields | "Response";
type Node = string | { field: Field } | Branch;

interface Branch {
  isMet(isSet: (field: Field) => boolean): boolean;
  then: Node[];
  otherwise: Node[];
}

/** A text, or an action with its words. */
interface Piece {
  source: string;
  words?: string[];
}

interface Cursor {
  pieces: Piece[];
  at: number;
}

const depthMax = 32; // what people write has two or three levels

const split = (template: string): Piece[] => {
  const pieces: Piece[] = [];
  let trims = false;
  for (let at = 0; at < template.length; ) {
    const open = template.indexOf("{{", at);
    const found = open < 0 ? undefined : readAction(template, open);
    let source = template.slice(at, open < 0 ? undefined : open);
    if (trims) source = source.trimStart();
    if (found?.trimsBefore) source = source.trimEnd();
    if (source) pieces.push({ source });
    if (!found) break;
    if (!found.isComment) pieces.push(found);
    at = open + found.source.length;
    trims = found.trimsAfter;
  }
  return pieces;
};

/** The action that begins at `open`. */
const readAction = (template: string, open: number) => {
  const trimsBefore = /^-\s/.test(template.slice(open + 2, open + 4));
  const begin = open + (trimsBefore ? 4 : 2);
  const isComment = template.startsWith("/*", begin);
  const from = isComment ? template.indexOf("*/", begin) : begin;
  const close = from < 0 ? -1 : template.indexOf("}}", from);
  if (close < 0) throw unknown(template.slice(open));
  const trimsAfter = /^\s-$/.test(template.slice(close - 2, close));
  const words = template
    .slice(begin, trimsAfter ? close - 2 : close)
    .split(/\s+/)
    .filter(Boolean);
  return { source: template.slice(open, close + 2), isComment, trimsBefore, trimsAfter, words };
};

/** Up to an `else`, an `end` or the end. */
const readNodes = (cursor: Cursor, depth: number): Node[] => {
  const nodes: Node[] = [];
  for (let piece = cursor.pieces[cursor.at]; piece; piece = cursor.pieces[cursor.at]) {
    const { source, words } = piece;
    if (words?.[0] === "else" || words?.[0] === "end") break;
    cursor.at++;
    if (!words) nodes.push(source);
    else if (words[0] === "if") nodes.push(readIf(cursor, piece, words.slice(1), depth + 1));
    else if (words.length === 1) nodes.push({ field: toField(words[0], source) });
    else throw unknown(source);
  }
  return nodes;
};

const readIf = (cursor: Cursor, { source }: Piece, condition: string[], depth: number): Branch => {
  if (depth > depthMax) throw new AppError("invalid_argument", `template: more than ${depthMax} levels of if`);
  const isMet = toCondition(condition, source);
  const then = readNodes(cursor, depth);
  const piece = cursor.pieces[cursor.at++];
  const [word, next, ...more] = piece?.words ?? [];
  if (!piece) throw new AppError("invalid_argument", `template: "${source.slice(0, 60)}" has no end`);
  if (word === "end" && next === undefined) return { isMet, then, otherwise: [] };
  // An `else if` shares its `end` with the `if`.
  if (word === "else" && next === "if") return { isMet, then, otherwise: [readIf(cursor, piece, more, depth + 1)] };
  if (word !== "else" || next !== undefined) throw unknown(piece.source);
  const otherwise = readNodes(cursor, depth);
  if (cursor.pieces[cursor.at++]?.words?.join(" ") !== "end")
    throw new AppError("invalid_argument", `template: "${source.slice(0, 60)}" has no end`);
  return { isMet, then, otherwise };
};

const operators: Record<string, (values: boolean[]) => boolean> = {
  and: (values) => values.every(Boolean),
  or: (values) => values.some(Boolean),
  not: ([value]) => !value,
};

const toCondition = (words: string[], source: string): Branch["isMet"] => {
  const [first = ""] = words;
  const operator = Object.hasOwn(operators, first) ? operators[first] : undefined;
  const fields = (operator ? words.slice(1) : words).map((word) => toField(word, source));
  if (fields.length === 0 || (!operator && fields.length > 1)) throw unknown(source);
  return (isSet) => (operator ?? operators.and)?.(fields.map(isSet)) ?? false;
};

const toField = (word: string | undefined, source: string): Field => {
  const [, name] = /^\.(System|Prompt|Suffix|Response)$/.exec(word ?? "") ?? [];
  if (!name) throw unknown(source);
  return name as Field;
};

const write = (nodes: readonly Node[], fields: TemplateFields): { text: string; ended: boolean } => {
  const valueIn = (field: Field) => (field === "Response" ? "" : fields[field]);
  let text = "";
  for (const node of nodes) {
    if (typeof node === "string") text += node;
    else if ("field" in node) {
      if (node.field === "Response") return { text, ended: true };
      text += valueIn(node.field);
    } else {
      const chosen = write(node.isMet((field) => valueIn(field) !== "") ? node.then : node.otherwise, fields);
      text += chosen.text;
      if (chosen.ended) return { text, ended: true };
    }
  }
  return { text, ended: false };
};

const unknown = (source: string) =>
  new AppError(
    "invalid_argument",
    `template: "${source.slice(0, 60)}" is not supported; known are .System, .Prompt, .Suffix, .Response, if, else and end (raw takes any prompt)`,
  );
