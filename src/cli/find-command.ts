import type { CommandEntry, CommandGroup } from "./command-table.ts";

export const isGroup = (entry: CommandEntry | CommandGroup): entry is CommandGroup => "commands" in entry;

/** What a word means in a group, by its name or another word for it, and its name. */
export const findEntry = (group: CommandGroup, word: string): [string, CommandEntry | CommandGroup] | undefined =>
  Object.entries(group.commands).find(
    ([name, entry]) => name === word || (!isGroup(entry) && entry.aliases?.includes(word)),
  );
