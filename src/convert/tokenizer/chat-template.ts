import type { GgufValue } from "../../gguf/value.ts";
import { list, text } from "../gguf-values.ts";
import { findJsonFile, isObject, type JsonObject } from "../json-object.ts";

/**
 * The chat templates of a repository: tokenizer_config.json, else chat_template.jinja, else chat_template.json. Several with names
 * become one key each; `default` is the template. Nothing is written for a tokenizer without tokenizer_config.json, as in gguf-py.
 */
export const chatTemplates = (
  files: ReadonlyMap<string, Uint8Array>,
  settings: JsonObject | undefined,
): Record<string, GgufValue> => {
  if (settings === undefined) return {};
  const template = "chat_template" in settings ? settings.chat_template : besideSettings(files);
  if (typeof template === "string") return template === "" ? {} : { "tokenizer.chat_template": text(template) };
  return Array.isArray(template) ? namedTemplates(template) : {};
};

const besideSettings = (files: ReadonlyMap<string, Uint8Array>): unknown => {
  const jinja = files.get("chat_template.jinja");
  const main = jinja && new TextDecoder().decode(jinja);
  const others = [...files.keys()].flatMap((name) => {
    const [, stem] = /^additional_chat_templates\/([^/]+)\.jinja$/.exec(name) ?? [];
    return stem === undefined ? [] : [{ name: stem, template: new TextDecoder().decode(files.get(name)) }];
  });
  if (main === undefined) return findJsonFile(files, "chat_template.json")?.chat_template;
  return others.length === 0 ? main : [{ name: "default", template: main }, ...others];
};

const namedTemplates = (templates: readonly unknown[]): Record<string, GgufValue> => {
  const named = templates.filter(isObject).flatMap(({ name, template }): [string, string][] => {
    const plain = typeof name === "string" ? name.replace(/[^A-Za-z0-9]/g, "_") : "";
    return plain !== "" && typeof template === "string" ? [[plain, template]] : [];
  });
  const others = new Map(named.filter(([name]) => name !== "default"));
  const main = named.findLast(([name]) => name === "default")?.[1];
  return {
    ...Object.fromEntries([...others].map(([name, template]) => [`tokenizer.chat_template.${name}`, text(template)])),
    ...(others.size > 0 && { "tokenizer.chat_templates": list("string", [...others.keys()]) }),
    ...(main && { "tokenizer.chat_template": text(main) }),
  };
};
