import { fileURLToPath } from "node:url";

/** A file that a prompt names. */
export interface MediaMention {
  /** Where it stands in the prompt, with its quotes. */
  start: number;
  end: number;
  /** As it would be opened. */
  path: string;
  /** False = there is no such file, though it can be nothing else. */
  exists: boolean;
}

export interface MentionOptions {
  isFile(path: string): boolean;
  /** What `~` stands for. */
  home: string;
}

/** Pictures and sounds, also of kinds that nothing here reads: who names one is told so, and not answered as if it had been seen. */
const extensions = "png|jpe?g|gif|bmp|webp|hei[cf]|avif|tiff?|svg|ico|wav|mp3|flac|ogg|opus|m4a|aac";

/** Where a name may end: in Japanese, words follow without a space. */
const ending = new RegExp(`\\.(?:${extensions})(?![A-Za-z0-9_])`, "gi");
const endsWell = new RegExp(`\\.(?:${extensions})$`, "i");

const pathMaxChars = 4096; // Linux's own limit
const spacedEndsMax = 16; // where a name with plain spaces may end; each costs a look at the disk

/**
 * The files in a prompt, as people type them and as terminals paste what is dropped on them: absolute, from `./`, `../` or `~/`, on a Windows
 * drive, quoted, with escaped or with plain spaces, `file://` URLs. As in Ollama a bare name is text; a name with a folder in it counts
 * where there is such a file.
 */
export const findMediaMentions = (text: string, options: MentionOptions): MediaMention[] => {
  const mentions: MediaMention[] = [];
  for (let at = 0; at < text.length; ) {
    const mention = mentionAt(text, at, options);
    if (mention) mentions.push(mention);
    at = mention?.end ?? at + 1;
  }
  return mentions;
};

/** The prompt without the names, as the model is to read it. */
export const withoutMentions = (text: string, mentions: readonly MediaMention[]): string => {
  let rest = "";
  let at = 0;
  for (const { start, end } of mentions) {
    rest += text.slice(at, start);
    // Of the spaces on both sides of a name, one is enough.
    at = /(?:^|\s)$/.test(rest) && text[end] === " " ? end + 1 : end;
  }
  return (rest + text.slice(at)).trim();
};

const mentionAt = (text: string, at: number, options: MentionOptions): MediaMention | undefined =>
  quotedAt(text, at, options) ?? urlAt(text, at, options) ?? pathAt(text, at, options) ?? relativeAt(text, at, options);

const opensWord = (text: string, at: number): boolean => !/[\p{L}\p{N}_]/u.test(text[at - 1] ?? "");

/** A shell's single quotes (`'it'\''s.png'`) or double ones; a name without any folder counts where there is such a file. */
const quotedAt = (text: string, at: number, options: MentionOptions): MediaMention | undefined => {
  if (!/["']/.test(text[at] ?? "") || !opensWord(text, at)) return undefined;
  const [whole, single, double] = match(/'((?:[^'\n]|'\\'')*)'|"((?:[^"\\\n]|\\[^\n])*)"/y, text, at) ?? [];
  if (whole === undefined) return undefined;
  const inner = (single?.replaceAll("'\\''", "'") ?? double ?? "").trim();
  const end = at + whole.length;
  if (/^file:/i.test(inner)) return found(at, end, urlPaths(inner), options, true);
  if (!endsWell.test(inner)) return undefined;
  return found(at, end, [inner, inner.replace(/\\(["\\$`])/g, "$1")], options, pathStart.test(inner));
};

const urlAt = (text: string, at: number, options: MentionOptions): MediaMention | undefined => {
  if (!opensWord(text, at)) return undefined;
  const [word] = match(/file:\/\/[^\s"'<>]+/iy, text, at) ?? [];
  if (word === undefined) return undefined;
  return firstOf(ends(word), (end, isLast) => found(at, at + end, urlPaths(word.slice(0, end)), options, isLast));
};

const urlPaths = (url: string): string[] => {
  try {
    return [fileURLToPath(url)];
  } catch {
    return []; // of another machine, or with a `%` that is none
  }
};

/** How a path begins that can be nothing else. */
const pathStart = /^(?:~[\\/]|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\/)/;
/** In the middle of a text: no part of a URL, of another path or of a word such as "and/or". */
const pathBegin = /(?<![A-Za-z0-9_~.%\\/-])(?:~[\\/]|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\/(?!\/))/y;

const pathAt = (text: string, at: number, options: MentionOptions): MediaMention | undefined => {
  if (!match(pathBegin, text, at)) return undefined;
  const [line = ""] = text.slice(at, at + pathMaxChars).split("\n", 1);
  const all = ends(line);
  const space = /(?<!\\)\s/.exec(line)?.index ?? line.length;
  const unbroken = all.filter((end) => end <= space);
  const broken = all // the shortest first: what follows are other words
    .filter((end) => end > space)
    .slice(-spacedEndsMax)
    .reverse();
  const existing = firstOf([...unbroken, ...broken], (end) =>
    found(at, at + end, pathsOf(line.slice(0, end)), options),
  );
  if (existing) return existing;
  // Nothing else begins like this: after a letter it may be a folder's name that goes before it.
  const isFirst = text.slice(0, at).trim() === "";
  const end = unbroken.at(-1) ?? (isFirst ? broken[0] : undefined);
  return end !== undefined && opensWord(text, at)
    ? found(at, at + end, pathsOf(line.slice(0, end)), options, true)
    : undefined;
};

/** `photos/cat.png`: a word like any other, unless there is such a file. */
const relativeAt = (text: string, at: number, options: MentionOptions): MediaMention | undefined => {
  if (at > 0 && !/[\s("'[<「『（]/.test(text[at - 1] ?? "")) return undefined;
  const [word] = match(/(?:[^\s\\/"'<>]|\\[^\n])+[\\/](?:[^\s\\"'<>]|\\[^\n])+/y, text, at) ?? [];
  if (word === undefined || word.includes("://")) return undefined;
  return firstOf(ends(word), (end) => found(at, at + end, pathsOf(word.slice(0, end)), options));
};

/** Where names in `line` may end, the longest first: `x.png` may go on as `x.png.webp`. */
const ends = (line: string): number[] =>
  [...line.matchAll(ending)].map(({ index, 0: name }) => index + name.length).reverse();

/** As it stands there, and without what a shell would take away. */
const pathsOf = (raw: string): string[] => [raw, raw.replace(/\\([ ()[\]{}$&;'"\\*?~!#<>|`])/g, "$1")];

/** macOS pastes decomposed letters where a name may be composed, and the other way round. */
const spellings = (path: string): string[] => [path, path.normalize("NFC"), path.normalize("NFD")];

const found = (
  start: number,
  end: number,
  paths: readonly string[],
  { isFile, home }: MentionOptions,
  isCertain = false,
): MediaMention | undefined => {
  const opened = paths.map((path) => path.replace(/^~(?=[\\/])/, () => home));
  // Windows logs in to a share by only looking at it: a text that was pasted must not send it to any machine.
  if (opened.some((path) => /^[\\/]{2}/.test(path))) return undefined;
  const path = opened.flatMap(spellings).find(isFile);
  if (path !== undefined) return { start, end, path, exists: true };
  const last = opened.at(-1);
  return isCertain && last !== undefined ? { start, end, path: last, exists: false } : undefined;
};

const match = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

const firstOf = <T, R>(items: readonly T[], look: (item: T, isLast: boolean) => R | undefined): R | undefined => {
  for (const [index, item] of items.entries()) {
    const result = look(item, index === items.length - 1);
    if (result !== undefined) return result;
  }
  return undefined;
};
