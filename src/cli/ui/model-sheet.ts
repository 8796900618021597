import type { OllamaShowResponse } from "../../api/ollama.ts";
import { formatBytes, formatCount } from "../../core/format.ts";
import { printable } from "./printable.ts";

/** The parts that can be asked for alone. */
export const modelParts = ["license", "modelfile", "parameters", "system", "template"] as const;

export type ModelPart = (typeof modelParts)[number];

export const isModelPart = (name: string): name is ModelPart => (modelParts as readonly string[]).includes(name);

const licenseLines = 2; // Ollama's: enough to recognize a license

/** What `show` prints, in Ollama's look: sections of indented rows. */
export const renderModel = (model: OllamaShowResponse): string => {
  const sections: [string, string[][]][] = [
    ["Model", modelRows(model)],
    ["Aliases", (model.aliases ?? []).map((alias) => [alias])],
    ["Capabilities", model.capabilities.map((capability) => [capability])],
    ["Projector", projectorRows(model.projector_info)],
    ["Parameters", parameterRows(model.parameters ?? "")],
    ["System", excerpt(model.system ?? "")],
    ["License", excerpt(model.license ?? "")],
  ];
  return sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `  ${title}\n${renderRows(rows)}\n`)
    .join("");
};

const modelRows = ({ details, model_info: info, size, ...more }: OllamaShowResponse): string[][] => {
  const architecture = text(info["general.architecture"]) ?? details.family;
  const count = info["general.parameter_count"];
  const rows: [string, string | undefined][] = [
    ["architecture", architecture],
    ["parameters", typeof count === "number" ? formatCount(count) : details.parameter_size],
    ["context length", text(info[`${architecture}.context_length`])],
    ["embedding length", text(info[`${architecture}.embedding_length`])],
    ["quantization", details.quantization_level],
    ["format", details.format],
    ["size", size === undefined ? undefined : formatBytes(size)],
    ["template", more.template_in_use],
    ["text only", more.left_out],
  ];
  return rows.filter((row): row is [string, string] => Boolean(row[1]));
};

/** Ollama's rows; what only hears has the lengths of its audio encoder instead. */
const projectorRows = (info: OllamaShowResponse["projector_info"]): string[][] => {
  if (!info) return [];
  const architecture = text(info["general.architecture"]);
  const count = info["general.parameter_count"];
  const find = (name: string) =>
    text(info[`${architecture}.vision.${name}`]) ?? text(info[`${architecture}.audio.${name}`]);
  const rows: [string, string | undefined][] = [
    ["architecture", architecture],
    ["parameters", typeof count === "number" ? formatCount(count) : undefined],
    ["embedding length", find("embedding_length")],
    ["dimensions", find("projection_dim")],
  ];
  return rows.filter((row): row is [string, string] => Boolean(row[1]));
};

const text = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

/** `stop    "<|end|>"` a line: a name, then a value that may hold spaces. */
const parameterRows = (parameters: string): string[][] =>
  nonBlankLines(parameters).map((line) => {
    const [, name = line, value = ""] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
    return value ? [name, value] : [name];
  });

const excerpt = (long: string): string[][] => {
  const lines = nonBlankLines(long);
  const shown = lines.slice(0, licenseLines).map((line) => [line.trim()]);
  return lines.length > licenseLines ? [...shown, ["..."]] : shown;
};

const nonBlankLines = (long: string): string[] => long.split(/\r?\n/).filter((line) => line.trim() !== "");

const renderRows = (rows: readonly (readonly string[])[]): string => {
  const width = Math.max(...rows.map(([name, value]) => (value === undefined ? 0 : Bun.stringWidth(name ?? ""))));
  return rows
    .map(([name = "", value]) => {
      const cells = value === undefined ? name : `${name}${" ".repeat(width - Bun.stringWidth(name))}    ${value}`;
      return `    ${printable(cells)}\n`;
    })
    .join("");
};
