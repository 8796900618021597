import type { BooleanArgDef, PositionalArgDef, StringArgDef } from "citty";
import { parseArgs } from "citty";
import { canonicalArgs } from "./canonical-args.ts";
import type { CliContext } from "./context.ts";

/** What a shell fills in for a value: one of a few words, or what it is the name of. */
export type Completes = readonly string[] | "models" | "loaded-models" | "nodes" | "files";

/** citty's definitions, with what it lacks. */
export type ArgDef =
  | (BooleanArgDef & { type: "boolean"; alias?: string })
  /** `implied` is the value of a flag written without one: such a flag takes a value only as `--flag=value`. */
  | (StringArgDef & { type: "string"; alias?: string; implied?: string; completes?: Completes })
  /** `many` takes this argument and all that follow; only the last positional may have it. */
  | (PositionalArgDef & { type: "positional"; many?: boolean; completes?: Completes });

export type ArgDefs = Readonly<Record<string, ArgDef>>;

type ArgValue<D extends ArgDef> = D extends { type: "boolean" }
  ? boolean
  : D extends { many: true }
    ? string[]
    : D extends { type: "positional"; required: false }
      ? string | undefined
      : D extends { type: "positional" }
        ? string
        : string | undefined;

export type ArgValues<T extends ArgDefs> = { [K in keyof T]: ArgValue<T[K]> };

/** A command as the command line runs it. */
export interface Command {
  args: ArgDefs;
  /** Whole command lines for `--help`. */
  examples: readonly string[];
  /** `name` is the full name, such as `llmlb node pull`, for errors. Resolves with the exit code. */
  run(name: string, words: readonly string[], context: CliContext): Promise<number>;
}

interface CommandDefinition<T extends ArgDefs> {
  args: T;
  examples: readonly string[];
  /** The exit code; nothing means 0. */
  run(args: ArgValues<T>, context: CliContext): Promise<number | undefined> | Promise<void>;
}

/** Defines a command. citty turns its words into values after they were checked: by itself it lets unknown flags pass. */
export const command = <const T extends ArgDefs>(definition: CommandDefinition<T>): Command => ({
  args: definition.args,
  examples: definition.examples,
  async run(name, words, context) {
    const parsed = parseArgs(canonicalArgs(name, words, definition.args), { ...definition.args });
    return (await definition.run(toValues(definition.args, parsed), context)) ?? 0;
  },
});

/** How citty reads what `canonicalArgs` makes of `--no-auth`. */
const isNegated = (parsed: Record<string, unknown>, name: string): boolean =>
  name.startsWith("no-") && parsed[name.slice("no-".length)] === false;

const toValues = <T extends ArgDefs>(args: T, parsed: Record<string, unknown> & { _: string[] }): ArgValues<T> => {
  const positionals = Object.keys(args).filter((name) => args[name]?.type === "positional");
  const valueFor = (name: string, definition: ArgDef): unknown => {
    if (definition.type === "boolean") return parsed[name] === true || isNegated(parsed, name);
    if (definition.type === "positional" && definition.many) return parsed._.slice(positionals.indexOf(name));
    return parsed[name];
  };
  const values = Object.entries(args).map(([name, definition]) => [name, valueFor(name, definition)]);
  return Object.fromEntries(values) as ArgValues<T>;
};
