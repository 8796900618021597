import type { GgufValue } from "../../gguf/value.ts";
import { flag, uint32 } from "../gguf-values.ts";
import type { JsonObject } from "../json-object.ts";
import { contentOf } from "./identify-pre-tokenizer.ts";
import { readTemplate, type Template } from "./post-template.ts";
import type { AddedToken } from "./tokenizer-json.ts";

/** What is known of special tokens; each file may be missing. */
export interface SpecialTokenSources {
  /** tokenizer_config.json. */
  settings: JsonObject | undefined;
  /** config.json with `text_config` beside it. */
  config: JsonObject;
  /** `added_tokens` and `post_processor` of tokenizer.json. */
  added: readonly AddedToken[];
  postProcessor: unknown;
  /** Ids must be below; the converter does not look at it for a byte-level BPE. */
  tokensMax?: number;
}

const idKeys: Readonly<Record<string, string>> = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  unk: "unknown_token_id",
  sep: "seperator_token_id", // llama.cpp's own spelling
  pad: "padding_token_id",
  mask: "mask_token_id",
  eot: "eot_token_id",
  eom: "eom_token_id",
};

const kinds = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];
const addKeys = ["bos", "eos", "sep"];

/** Ids of special tokens and whether they are added, in the order and by the rules of gguf-py's SpecialVocab. */
export const specialTokens = (sources: SpecialTokenSources): Record<string, GgufValue> => {
  const { settings, config, added } = sources;
  const template = readTemplate(settings, sources.postProcessor);
  const adds = new Map(template.adds);
  const ids = new Map<string, number>();
  const setId = (kind: string, id: unknown) => {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || ids.has(kind)) return;
    if (sources.tokensMax === undefined || id < sources.tokensMax) ids.set(kind, id);
  };
  const all = [...kinds, ...template.furtherKinds];
  for (const kind of settings ? all : []) {
    const says = template.settings[`add_${kind}_token`];
    if (typeof says === "boolean") adds.set(kind, says);
    const content = contentOf(template.settings[`${kind}_token`]);
    setId(kind, content === undefined ? undefined : added.find((token) => token.content === content)?.id);
  }
  for (const kind of all) setId(kind, idInConfig(config, kind));
  return { ...idValues(ids), ...addValues(adds) };
};

/** A list of ids (several ends of text) says nothing here: the tokenizer's files name the one. */
const idInConfig = (config: JsonObject, kind: string): unknown => {
  const own = config[`${kind}_token_id`];
  const inner = config.text_config;
  return own ?? (typeof inner === "object" && inner !== null ? (inner as JsonObject)[`${kind}_token_id`] : undefined);
};

const idValues = (ids: ReadonlyMap<string, number>) =>
  Object.fromEntries(
    [...ids].flatMap(([kind, id]) => (idKeys[kind] ? [[`tokenizer.ggml.${idKeys[kind]}`, uint32(id)]] : [])),
  );

const addValues = (adds: Template["adds"]) =>
  Object.fromEntries(
    [...adds]
      .filter(([kind]) => addKeys.includes(kind))
      .map(([kind, value]) => [`tokenizer.ggml.add_${kind}_token`, flag(value)]),
  );
