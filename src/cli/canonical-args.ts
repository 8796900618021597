import { AppError } from "../core/errors.ts";
import { suggest } from "../core/suggest.ts";
import type { ArgDef, ArgDefs } from "./command.ts";
import { usageLine } from "./usage.ts";

const fail = (message: string): never => {
  throw new AppError("invalid_argument", message);
};

/** True when `words` ask for help; a word after `--` or the value of a flag does not. */
export const asksForHelp = (words: readonly string[], args: ArgDefs): boolean => {
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === "--") return false;
    if (word === "--help" || word === "-h") return true;
    const flag = word === undefined ? undefined : findFlag(word, args);
    if (flag && takesNextWord(flag.definition) && !word?.includes("=")) index++;
  }
  return false;
};

/**
 * Checks `words` strictly and rewrites them to the one form that citty reads without surprises:
 * `--flag=value` for every flag, then `--`, then the positional arguments.
 * Throws `invalid_argument` with a one-line reason: unknown flag, missing value, missing or surplus argument.
 */
export const canonicalArgs = (name: string, words: readonly string[], args: ArgDefs): string[] => {
  const flags: string[] = [];
  const positionals: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") {
      positionals.push(...words.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const flag = findFlag(word, args) ?? unknownFlag(word, args);
    const takesNext = takesNextWord(flag.definition) && flag.value === undefined;
    if (takesNext) index++;
    // "--host --port 1" is a slip, not a host called "--port".
    if (takesNext && words[index]?.startsWith("--")) fail(`flag "${flag.written}" needs a value`);
    flags.push(...flagWords(flag.name, flagValue(flag, takesNext ? words[index] : flag.value)));
  }
  checkCount(name, positionals, args);
  return [...flags, "--", ...positionals];
};

/** citty reads `--no-auth` as "not auth", and `--no-auth=true` not at all. */
const flagWords = (name: string, value: string): string[] => {
  if (!name.startsWith("no-")) return [`--${name}=${value}`];
  return value === "true" ? [`--${name}`] : [];
};

export interface FoundFlag {
  name: string;
  /** As the user wrote it, without a value. */
  written: string;
  definition: ArgDef;
  /** What follows the "=". */
  value: string | undefined;
}

/** The flag that `word` is, with the value that it may carry. */
export const findFlag = (word: string, args: ArgDefs): FoundFlag | undefined => {
  const equals = word.indexOf("=");
  const written = equals === -1 ? word : word.slice(0, equals);
  const value = equals === -1 ? undefined : word.slice(equals + 1);
  const found = Object.entries(args).find(
    ([name, definition]) =>
      definition.type !== "positional" &&
      (written === `--${name}` || (definition.alias !== undefined && written === `-${definition.alias}`)),
  );
  return found && { name: found[0], definition: found[1], written, value };
};

/** Is the word after the flag its value? */
export const takesNextWord = (definition: ArgDef): boolean =>
  definition.type === "string" && definition.implied === undefined;

const flagValue = ({ written, definition }: FoundFlag, value: string | undefined): string => {
  if (definition.type === "boolean") {
    if (value === undefined || value === "true") return "true";
    return value === "false" ? "false" : fail(`flag "${written}" takes no value, or true or false; got "${value}"`);
  }
  const implied = definition.type === "string" ? definition.implied : undefined;
  const given = value ?? implied;
  if (given === undefined) return fail(`flag "${written}" needs a value`);
  return given;
};

const unknownFlag = (word: string, args: ArgDefs): never => {
  const written = word.replace(/=.*$/s, "");
  const known = Object.entries(args).flatMap(([name, { type }]) => (type === "positional" ? [] : [`--${name}`]));
  const near = suggest(written, [...known, "--help"]);
  return fail(`unknown flag "${written}"${near ? `; did you mean "${near}"?` : ""}`);
};

const checkCount = (name: string, positionals: readonly string[], args: ArgDefs): void => {
  const declared = Object.entries(args).filter(([, definition]) => definition.type === "positional");
  const missing = declared.find(
    ([, definition], index) => definition.required !== false && positionals[index] === undefined,
  );
  const usage = `usage: ${usageLine(name, args)}`;
  if (missing) fail(`missing argument ${missing[0].toUpperCase()}; ${usage}`);
  const endless = declared.some(([, definition]) => definition.type === "positional" && definition.many);
  if (!endless && positionals.length > declared.length)
    fail(`unexpected argument "${positionals[declared.length]}"; ${usage}`);
};
