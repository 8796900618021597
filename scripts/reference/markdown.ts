import { type VariableGroup, variables } from "../../src/config/variables.ts";
import type { CommandPage, Row } from "./command-tree.ts";

/** Says where a page comes from, to whoever would mend it by hand. */
const generatedNote = "<!-- Made by `bun scripts/reference.ts`; change the code instead. -->";

export const commandsMarkdown = (pages: readonly CommandPage[]): string =>
  page("Commands", [
    "Every command takes `--help`. Exit codes: 0 success, 1 error, 2 the server could not be reached or the connection broke.",
    ...pages.map(commandSection),
  ]);

const commandSection = ({ name, aliases, description, usage, arguments: positionals, flags, examples }: CommandPage) =>
  [
    `## ${name}`,
    `${description}.${aliases.length > 0 ? ` Also: ${aliases.map((alias) => `\`${alias}\``).join(", ")}.` : ""}`,
    fence(usage),
    ...(positionals.length + flags.length > 0
      ? [table(["argument", "meaning"], [...positionals, ...flags].map(code))]
      : []),
    fence(examples.join("\n"), "sh"),
  ].join("\n\n");

const code = ([label, description]: Row): string[] => [`\`${label}\``, description];

const groupTitles: Readonly<Record<VariableGroup, string>> = {
  "every command": "Every command",
  "node serve": "Read by `llmlb node serve` (and by `node pull --local`)",
  "router serve": "Read by `llmlb router serve`",
  pulls: "Read by whoever pulls: the node, or `node pull --local`",
  "install.sh": "Read by install.sh",
};

export const environmentMarkdown = (): string =>
  page("Environment", [
    "`llmlb doctor` tells which of them are set, and whether they can be understood.",
    ...Object.entries(groupTitles).flatMap(([group, title]) => {
      const rows = variables.filter((variable) => variable.group === group);
      return rows.length === 0
        ? []
        : [`## ${title}\n\n${table(["variable", "meaning", "default"], rows.map(variableRow))}`];
    }),
  ]);

const variableRow = ({ name, meaning, default: usual = "none" }: (typeof variables)[number]): string[] => [
  `\`${name}\``,
  meaning,
  usual,
];

export const page = (title: string, sections: readonly string[]): string =>
  `# ${title}\n\n${generatedNote}\n\n${sections.join("\n\n")}\n`;

export const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

const cell = (text: string): string => text.replaceAll("|", "\\|");

const fence = (text: string, language = ""): string => `\`\`\`${language}\n${text}\n\`\`\``;
