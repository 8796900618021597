import { rootGroup } from "../command-table.ts";
import type { CliContext } from "../context.ts";
import { printable } from "../ui/printable.ts";
import type { Patience } from "./names.ts";
import { type Candidate, findWanted, type Wanted } from "./wanted.ts";

/**
 * `llmlb __complete INDEX WORD...`, which the shells' scripts ask: what may stand in place of the word at INDEX (from 0, without the
 * program; the word may be absent, since PowerShell drops empty ones). Prints a candidate a line, after a tab its description, or
 * `:files` alone where the shell shall complete files. Whatever fails, nothing is printed: somebody is typing.
 */
export const complete = async (
  [index = "", ...words]: readonly string[],
  context: CliContext,
  patience?: Patience,
): Promise<number> => {
  try {
    const position = Number(index);
    const wanted = await findWanted(rootGroup, words.slice(0, position), words[position] ?? "");
    await context.stdout.write(await render(wanted, context, patience));
  } catch {
    // no name to offer
  }
  return 0;
};

const render = async (wanted: Wanted, context: CliContext, patience?: Patience): Promise<string> => {
  if ("words" in wanted) return wanted.words.map(line).join("");
  const { names, before, typed } = wanted;
  if (names === "files") return ":files\n";
  const { namesOf, typingPatience } = await import("./names.ts");
  const lower = typed.toLowerCase(); // as in the names of models everywhere
  return (await namesOf(names, context, patience ?? typingPatience))
    .filter(({ value }) => isHarmless(value) && value.toLowerCase().startsWith(lower))
    .map(({ value, ...rest }) => line({ value: before + value, ...rest }))
    .join("");
};

/** Names come from servers, and what is completed is executed a key later: nothing that a shell reads as more than a word. */
const isHarmless = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.:/@+-]*$/.test(name);

const line = ({ value, description }: Candidate): string =>
  description ? `${value}\t${printable(description)}\n` : `${value}\n`;
