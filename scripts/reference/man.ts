import { variables } from "../../src/config/variables.ts";
import { version } from "../../src/core/version.ts";
import type { CommandPage, Row } from "./command-tree.ts";

/** Of this text's last change that readers should know of; not the day of the build, since two builds are to be equal. */
const date = "2026-11-25";

/** llmlb(1), in the macros of man(7). */
export const manPage = (pages: readonly CommandPage[], description: string): string =>
  `${[
    '.\\" Made by "bun scripts/reference.ts"; change the code instead.',
    `.TH LLMLB 1 ${date} "llmlb ${version}" "llmlb"`,
    ".SH NAME",
    `llmlb \\- ${roff(description.replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ".B llmlb",
    "COMMAND [ARGUMENT...] [FLAG...]",
    ".br",
    ".B llmlb",
    "COMMAND \\-\\-help",
    ".SH DESCRIPTION",
    ".B llmlb node serve",
    "runs an inference node,",
    ".B llmlb router serve",
    "a router that balances many; every other command talks to one of them by HTTP.",
    "Models come from Hugging Face.",
    ".SH COMMANDS",
    ...pages.flatMap(commandLines),
    ".SH ENVIRONMENT",
    ...variables.flatMap(({ name, meaning, default: usual }) =>
      tagged(roff(name), `${prose(meaning)}${usual ? ` (default: ${prose(usual)})` : ""}`),
    ),
    ".SH FILES",
    ...files.flatMap(([path, meaning]) => tagged(roff(path), prose(meaning))),
    ".SH EXIT STATUS",
    ...exitCodes.flatMap(([code, meaning]) => tagged(code, meaning)),
  ].join("\n")}\n`;

const files: readonly Row[] = [
  ["~/.llmlb/models", "the models"],
  ["~/.llmlb/router.toml", "aliases and fallbacks of a router"],
  ["~/.llmlb/router.db", "what a router remembers"],
  ["~/.llmlb/joined", "what a node has from its router"],
  ["~/.llmlb/history", "what was typed in chats"],
];

const exitCodes: readonly Row[] = [
  ["0", "success"],
  ["1", "error"],
  ["2", "the server could not be reached, or the connection broke"],
];

const commandLines = ({
  usage,
  aliases,
  description,
  arguments: positionals,
  flags,
  examples,
}: CommandPage): string[] => [
  `.SS ${quoted(roff(usage))}`,
  `${roff(description)}.${aliases.length > 0 ? ` Also called ${aliases.map((alias) => `\\fB${roff(alias)}\\fR`).join(", ")}.` : ""}`,
  ...[...positionals, ...flags].flatMap(([label, meaning]) => tagged(roff(label), `${roff(meaning)}.`)),
  ".PP",
  "Examples:",
  ".PP",
  ".nf",
  ".RS",
  ...examples.map(roff),
  ".RE",
  ".fi",
];

const tagged = (tag: string, text: string): string[] => [".TP", `.B ${quoted(tag)}`, text];

/** A macro's argument with spaces. */
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** Text as roff shows it unchanged: `\`, `-` (else a hyphen that cannot be copied) and lines that would be macros. */
const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti")
    .replace(/^([.'])/gm, "\\&$1");

/** Markdown's code in bold. */
const prose = (text: string): string => roff(text).replace(/`([^`]+)`/g, "\\fB$1\\fR");
