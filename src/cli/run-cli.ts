import { AppError } from "../core/errors.ts";
import { suggest } from "../core/suggest.ts";
import { version } from "../core/version.ts";
import { type CommandEntry, type CommandGroup, rootGroup } from "./command-table.ts";
import type { CliContext } from "./context.ts";
import { findEntry, isGroup } from "./find-command.ts";

/** Runs one command line (`words` without the program's name). Resolves with the exit code; throws an AppError. */
export const runCli = async (words: readonly string[], context: CliContext): Promise<number> => {
  const [first, ...rest] = words;
  if (first === "--version" || first === "-v") {
    await context.stdout.write(`llmlb ${version}\n`);
    return 0;
  }
  if (first === "__complete") return await (await import("./complete/complete.ts")).complete(rest, context);
  // "llmlb help node pull" is "llmlb node pull --help".
  const asked = first === "help" ? [...rest, "--help"] : words;
  return await runGroup("llmlb", rootGroup, asked, context);
};

const runGroup = async (
  name: string,
  group: CommandGroup,
  words: readonly string[],
  context: CliContext,
): Promise<number> => {
  const [word, ...rest] = words;
  if (word === undefined || word === "--help" || word === "-h") {
    const { groupHelp } = await import("./usage.ts");
    const flags = group === rootGroup ? [["-v, --version", "Show the version"] as const] : [];
    await context.stdout.write(groupHelp(name, group, flags));
    return 0;
  }
  const entry = findEntry(group, word) ?? unknownWord(name, group, word);
  const [entryName, found] = entry;
  const fullName = `${name} ${entryName}`;
  return isGroup(found)
    ? await runGroup(fullName, found, rest, context)
    : await runEntry(fullName, found, rest, context);
};

const runEntry = async (
  name: string,
  entry: CommandEntry,
  words: readonly string[],
  context: CliContext,
): Promise<number> => {
  const command = await entry.load();
  const { asksForHelp } = await import("./canonical-args.ts");
  if (!asksForHelp(words, command.args)) return await command.run(name, words, context);
  const { commandHelp } = await import("./usage.ts");
  await context.stdout.write(commandHelp(name, `${entry.description}.`, command));
  return 0;
};

const unknownWord = (name: string, group: CommandGroup, word: string): never => {
  const isFlag = word.startsWith("-");
  const near = isFlag ? suggest(word, ["--help", "--version"]) : suggestCommand(name, group, word);
  const written = isFlag ? word.replace(/=.*$/s, "") : word;
  throw new AppError(
    "invalid_argument",
    `unknown ${isFlag ? "flag" : "command"} "${written}"${near ? `; did you mean "${near}"?` : `; see "${name} --help"`}`,
  );
};

/** Ollama's users write `llmlb run`; the word then is right and only its group is missing. */
const suggestCommand = (name: string, group: CommandGroup, word: string): string | undefined => {
  const inside = Object.entries(group.commands).find(([, entry]) => isGroup(entry) && findEntry(entry, word));
  return inside ? `${name} ${inside[0]} ${word}` : suggest(word, wordsOf(group));
};

const wordsOf = (group: CommandGroup): string[] =>
  Object.entries(group.commands).flatMap(([name, entry]) => [name, ...(isGroup(entry) ? [] : (entry.aliases ?? []))]);
