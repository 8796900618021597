import { isRecord, parseJson } from "../core/json.ts";
import { readBounded } from "./bounded-body.ts";
import type { HubContext } from "./hub-context.ts";
import { hubRequest } from "./hub-request.ts";
import type { Repository } from "./repository.ts";

/** A repository that has GGUF files of a model. */
export interface GgufRepository {
  id: string;
  gated: boolean;
}

const listMaxBytes = 4 * 1024 * 1024;
const askedFor = 40; // quantized finetunes stand between them
const shownMax = 5;

/** Repositories on the Hub that hold `repository`'s own model as GGUF, the most downloaded first; none where the Hub cannot say. */
export const findGgufRepositories = async (
  context: HubContext,
  { org, name }: Pick<Repository, "org" | "name">,
): Promise<GgufRepository[]> => {
  const query = new URLSearchParams([
    ["filter", `base_model:quantized:${org}/${name}`],
    ["filter", "gguf"],
    ["sort", "downloads"],
    ["limit", String(askedFor)],
    ["expand[]", "gated"],
  ]);
  try {
    const url = `${context.settings.endpoint}/api/models?${query}`;
    const { response, elsewhere } = await hubRequest(context, url, { repository: `${org}/${name}` });
    if (elsewhere !== undefined) return [];
    const bytes = await readBounded(response, listMaxBytes, "the list of repositories");
    const list = parseJson(new TextDecoder().decode(bytes));
    return (Array.isArray(list) ? list : []).flatMap((entry) => describe(entry, name)).slice(0, shownMax);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`no list of GGUF repositories of ${org}/${name}: ${(error as Error).message}`);
    return [];
  }
};

const describe = (entry: unknown, baseName: string): GgufRepository[] => {
  if (!isRecord(entry) || typeof entry.id !== "string" || !isQuantizationOf(entry.id, baseName)) return [];
  return [{ id: entry.id, gated: entry.gated !== undefined && entry.gated !== false }];
};

const suffix = /[-_.](gguf|imatrix|i1|i?q\d\w*|bf16|f16|f32|fp16|quantized|quants?)$/;

/**
 * Whether a repository's name is the base model's, apart from what says that it is quantized and, as some write it, the base's organization:
 * the Hub counts quantized finetunes too.
 */
export const isQuantizationOf = (id: string, baseName: string): boolean => {
  let rest = /^[\w.-]+\/([\w.-]+)$/.exec(id)?.[1]?.toLowerCase() ?? "";
  for (let before = ""; rest !== before; ) {
    before = rest;
    rest = rest.replace(suffix, "");
  }
  const base = baseName.toLowerCase();
  return rest === base || (rest.endsWith(base) && /^[a-z0-9-]+[_.]$/.test(rest.slice(0, -base.length)));
};
