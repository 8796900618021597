import type { ArgDef, Command } from "../../src/cli/command.ts";
import { type CommandEntry, type CommandGroup, rootGroup } from "../../src/cli/command-table.ts";
import { isGroup } from "../../src/cli/find-command.ts";
import { flagLabel, positionalLabel, usageLine } from "../../src/cli/usage.ts";

/** A command as its pages describe it. */
export interface CommandPage {
  /** `llmlb node pull`. */
  name: string;
  aliases: readonly string[];
  /** A sentence without its full stop. */
  description: string;
  usage: string;
  arguments: readonly Row[];
  flags: readonly Row[];
  examples: readonly string[];
}

export type Row = readonly [label: string, description: string];

/** Every command of the tree, in the order of `--help`. */
export const commandPages = async (name = "llmlb", group: CommandGroup = rootGroup): Promise<CommandPage[]> => {
  const entries = Object.entries<CommandEntry | CommandGroup>(group.commands);
  const pages = await Promise.all(
    entries.map(async ([word, entry]) =>
      isGroup(entry)
        ? await commandPages(`${name} ${word}`, entry)
        : [pageOf(`${name} ${word}`, entry, await entry.load())],
    ),
  );
  return pages.flat();
};

const pageOf = (
  name: string,
  { description, aliases = [] }: CommandEntry,
  { args, examples }: Command,
): CommandPage => ({
  name,
  aliases,
  description,
  usage: usageLine(name, args),
  arguments: rows(args, (type) => type === "positional", positionalLabel),
  flags: rows(
    args,
    (type) => type !== "positional",
    (arg, definition) => flagLabel(arg, definition).trim(),
  ),
  examples,
});

const rows = (
  args: Command["args"],
  wanted: (type: ArgDef["type"]) => boolean,
  label: (arg: string, definition: ArgDef) => string,
): Row[] =>
  Object.entries(args)
    .filter(([, { type }]) => wanted(type))
    .map(([arg, definition]) => [label(arg, definition), definition.description ?? ""]);
