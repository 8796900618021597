import type { ArgDef, ArgDefs, Command } from "./command.ts";
import type { CommandEntry, CommandGroup } from "./command-table.ts";

type Row = readonly [string, string];

/** `llmlb node run MODEL [PROMPT...] [flags]`. */
export const usageLine = (name: string, args: ArgDefs): string => {
  const hasFlags = Object.values(args).some(({ type }) => type !== "positional");
  const positionals = Object.entries(args)
    .filter(([, { type }]) => type === "positional")
    .map(([arg, definition]) => positionalLabel(arg, definition));
  return [name, ...positionals, ...(hasFlags ? ["[flags]"] : [])].join(" ");
};

/** The help of one command; plain text, so that it reads the same on a terminal, in a pipe and in a manual. */
export const commandHelp = (name: string, description: string, { args, examples }: Command): string => {
  const entries = Object.entries(args);
  const positionals: Row[] = entries
    .filter(([, { type }]) => type === "positional")
    .map(([arg, definition]) => [positionalLabel(arg, definition), definition.description ?? ""]);
  const flags: Row[] = entries
    .filter(([, { type }]) => type !== "positional")
    .map(([arg, definition]) => [flagLabel(arg, definition), definition.description ?? ""]);
  return sections([
    [description],
    ["Usage:", `  ${usageLine(name, args)}`],
    ["Arguments:", ...rows(positionals)],
    ["Flags:", ...rows([...flags, helpRow])],
    ["Examples:", ...examples.map((example) => `  ${example}`)],
  ]);
};

/** The help of `llmlb` itself (`flags` then are its own) or of a group such as `llmlb node`. */
export const groupHelp = (name: string, group: CommandGroup, flags: readonly Row[] = []): string => {
  const entries = Object.entries<CommandGroup | CommandEntry>(group.commands);
  const commands: Row[] = entries.map(([word, { description }]) => [word, description]);
  return sections([
    [group.description],
    ["Usage:", `  ${name} <command>`],
    ["Commands:", ...rows(commands)],
    ["Flags:", ...rows([...flags, helpRow])],
    ["Examples:", ...group.examples.map((example) => `  ${example}`)],
    [`Use "${name} <command> --help" for more about a command.`],
  ]);
};

const helpRow: Row = ["-h, --help", "Show this help"];

export const positionalLabel = (arg: string, definition: ArgDef): string => {
  const many = definition.type === "positional" && definition.many;
  const label = `${arg.toUpperCase()}${many ? "..." : ""}`;
  return definition.required === false ? `[${label}]` : label;
};

export const flagLabel = (arg: string, definition: ArgDef): string => {
  const short = definition.type !== "positional" && definition.alias ? `-${definition.alias}, ` : "    ";
  if (definition.type !== "string") return `${short}--${arg}`;
  const hint = definition.valueHint ?? arg.toUpperCase();
  return `${short}--${arg}${definition.implied === undefined ? ` ${hint}` : `[=${hint}]`}`;
};

const rows = (entries: readonly Row[]): string[] => {
  const width = Math.max(0, ...entries.map(([label]) => label.length));
  return entries.map(([label, description]) => `  ${label.padEnd(width)}  ${description}`.trimEnd());
};

/** Sections that hold only their title are left out. */
const sections = (blocks: readonly string[][]): string =>
  `${blocks
    .filter(([title, ...rest]) => title !== undefined && (!title.endsWith(":") || rest.length > 0))
    .map((block) => block.join("\n"))
    .join("\n\n")}\n`;
