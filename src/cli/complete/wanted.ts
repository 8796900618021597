import { findFlag, takesNextWord } from "../canonical-args.ts";
import type { ArgDef, ArgDefs, Completes } from "../command.ts";
import type { CommandEntry, CommandGroup } from "../command-table.ts";
import { findEntry, isGroup } from "../find-command.ts";

/** A word that may stand at the cursor. */
export interface Candidate {
  value: string;
  /** In a few words; not every shell shows it. */
  description?: string;
}

/** What may stand at the cursor: some words, or the names of something, which somebody has to be asked for. */
export type Wanted =
  | { words: readonly Candidate[] }
  /** `before` is a part of the word, such as `--policy=`, and goes before each name. */
  | { names: Exclude<Completes, readonly string[]>; before: string; typed: string };

const nothing: Wanted = { words: [] };
const helpFlag: Candidate = { value: "--help", description: "Show this help" };

/** What may follow the words `before` in place of `current`, the part of a word that was typed. Every command is loaded only when it is named. */
export const findWanted = async (root: CommandGroup, before: readonly string[], current: string): Promise<Wanted> => {
  const forHelp = before[0] === "help";
  let group = root;
  const words = forHelp ? before.slice(1) : before;
  for (const [index, word] of words.entries()) {
    const [, entry] = findEntry(group, word) ?? [];
    if (entry === undefined) return nothing;
    if (!isGroup(entry)) {
      return forHelp ? nothing : inCommand((await entry.load()).args, words.slice(index + 1), current);
    }
    group = entry;
  }
  return { words: startingWith(current, inGroup(root, group, current)) };
};

const inGroup = (root: CommandGroup, group: CommandGroup, current: string): Candidate[] => {
  if (current.startsWith("-"))
    return [helpFlag, ...(group === root ? [{ value: "--version", description: "Show the version" }] : [])];
  const entries = Object.entries<CommandEntry | CommandGroup>(group.commands);
  return entries.map(([value, { description }]) => ({ value, description }));
};

const inCommand = (args: ArgDefs, before: readonly string[], current: string): Wanted => {
  const { positionals, given, pending, flagsEnded } = readWords(args, before);
  if (pending) return valuesOf(pending, "", current);
  if (flagsEnded || !current.startsWith("-")) return positionalValue(args, positionals, current);
  const flag = findFlag(current, args);
  if (flag?.value !== undefined) return valuesOf(flag.definition, `${flag.written}=`, flag.value);
  const flags = Object.entries(args).flatMap(([name, { type, description = "" }]) =>
    type === "positional" || given.has(name) ? [] : [{ value: `--${name}`, description }],
  );
  return { words: startingWith(current, [...flags, helpFlag]) };
};

/** How far a command line has come. */
const readWords = (args: ArgDefs, words: readonly string[]) => {
  const given = new Set<string>();
  let positionals = 0;
  let pending: ArgDef | undefined;
  let flagsEnded = false;
  for (const word of words) {
    if (pending) pending = undefined;
    else if (word === "--" && !flagsEnded) flagsEnded = true;
    else if (flagsEnded || word === "-" || !word.startsWith("-")) positionals++;
    else {
      const flag = findFlag(word, args);
      if (!flag) continue; // the command itself will say so
      given.add(flag.name);
      if (takesNextWord(flag.definition) && flag.value === undefined) pending = flag.definition;
    }
  }
  return { positionals, given, pending, flagsEnded };
};

const positionalValue = (args: ArgDefs, index: number, current: string): Wanted => {
  const declared = Object.values(args).filter((definition) => definition.type === "positional");
  const last = declared.at(-1);
  const definition = declared[index] ?? (last?.many ? last : undefined);
  return definition ? valuesOf(definition, "", current) : nothing;
};

const valuesOf = (definition: ArgDef, before: string, typed: string): Wanted => {
  const completes = definition.type === "boolean" ? undefined : definition.completes;
  if (completes === undefined) return nothing;
  if (typeof completes === "string") return { names: completes, before, typed };
  return {
    words: startingWith(
      before + typed,
      completes.map((value) => ({ value: before + value })),
    ),
  };
};

const startingWith = (typed: string, candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ value }) => value.startsWith(typed));
