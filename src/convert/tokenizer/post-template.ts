import { isObject, type JsonObject } from "../json-object.ts";

/** What the post-processor of tokenizer.json says of special tokens, and what it changes in tokenizer_config.json. */
export interface Template {
  settings: JsonObject;
  adds: ReadonlyMap<string, boolean>;
  /** Ends of a turn or message, where the template ends with another token than `eos_token`. */
  furtherKinds: readonly string[];
}

interface State {
  settings: Record<string, unknown>;
  hasSettings: boolean;
  bos: unknown;
  cls: unknown;
  eos: unknown;
  sep: unknown;
  adds: Map<string, boolean>;
  furtherKinds: string[];
}

/** As gguf-py's SpecialVocab reads TemplateProcessing: the first and last token around a text, and what stands between two. */
export const readTemplate = (settings: JsonObject | undefined, postProcessor: unknown): Template => {
  const own: Record<string, unknown> = { ...settings };
  const { bos_token: bos, cls_token: cls, eos_token: eos, sep_token: sep } = own;
  const state: State = {
    settings: own,
    hasSettings: settings !== undefined,
    bos,
    cls,
    eos,
    sep,
    adds: new Map(),
    furtherKinds: [],
  };
  if (!bos && cls) state.bos = own.bos_token = cls;
  if (!eos && sep) state.eos = own.eos_token = sep;
  for (const processor of processorsOf(postProcessor))
    if (processor.type === "TemplateProcessing") readProcessor(state, processor);
  return state;
};

const processorsOf = (postProcessor: unknown): JsonObject[] => {
  if (!isObject(postProcessor)) return [];
  return Array.isArray(postProcessor.processors) ? postProcessor.processors.filter(isObject) : [postProcessor];
};

const readProcessor = (state: State, { single, pair }: JsonObject) => {
  const items = itemsOf(single);
  const first = items.length > 1 ? specialOf(items[0]) : undefined;
  const last = items.length > 1 ? specialOf(items.at(-1)) : undefined;
  if (first !== undefined) readFirst(state, first);
  if (last !== undefined) readLast(state, last);
  readPair(state, itemsOf(pair), first, last);
};

const readFirst = (state: State, first: string) => {
  if (!state.hasSettings) state.bos = first;
  else if (first !== state.bos && first !== state.cls) {
    if (!state.bos) state.bos = state.settings.bos_token = first;
    if (!state.cls) state.cls = state.settings.cls_token = first;
  }
  state.adds.set("bos", first === state.bos || first === state.cls);
};

const readLast = (state: State, last: string) => {
  if (!state.hasSettings) state.eos = last;
  else if (last !== state.eos) {
    const kind = ["eot", "eom"].find((candidate) => !state.furtherKinds.includes(candidate));
    if (kind !== undefined) {
      state.furtherKinds.push(kind);
      state.settings[`${kind}_token`] = state.eos;
    }
    state.eos = state.settings.eos_token = last;
  }
  state.adds.set("eos", last === state.eos);
};

/** Between the texts A and B of a pair. */
const readPair = (state: State, items: readonly JsonObject[], first: string | undefined, last: string | undefined) => {
  const from = first !== undefined && specialOf(items[0]) === first ? 1 : 0;
  const to = last !== undefined && specialOf(items.at(-1)) === last ? -1 : undefined;
  const pair = items.slice(from, to);
  const between = pair.slice(1, -1);
  if (sequenceOf(pair[0]) !== "A" || sequenceOf(pair.at(-1)) !== "B" || between.length === 0) return;
  const separates = (item: JsonObject | undefined) => {
    const token = specialOf(item);
    return token !== undefined && (token === state.sep || token === state.eos);
  };
  const adds = (separates(between[0]) && last === undefined) || (between.length === 2 && separates(between[1]));
  state.adds.set("sep", adds);
  if (adds && !state.sep && state.hasSettings) state.settings.sep_token = state.eos;
};

const itemsOf = (template: unknown): JsonObject[] => (Array.isArray(template) ? template.filter(isObject) : []);

const idOf = (part: unknown): string | undefined =>
  isObject(part) && typeof part.id === "string" ? part.id : undefined;
const specialOf = (item: JsonObject | undefined) => idOf(item?.SpecialToken);
const sequenceOf = (item: JsonObject | undefined) => idOf(item?.Sequence);
