import { isPathPart } from "./manifest.ts";

const noise = /-(instruct|chat|it|gguf)(?=-|$)/g;

/**
 * Short names for a repository, best first: `Llama-3.2-3B-Instruct-GGUF` at Q8_0 gives `llama3.2-3b`, then
 * `llama3.2-3b-q8_0`. Empty where nothing usable is left.
 */
export const shortNames = (repositoryName: string, tag: string): string[] => {
  const base = repositoryName
    .toLowerCase()
    .replace(noise, "")
    .replace(/^meta-(?=llama)/, "")
    .replace(/^([a-z]+)-(\d+(?:\.\d+)*)(?=-|$)/, "$1$2");
  return [base, `${base}-${tag.toLowerCase()}`].filter(isAlias);
};

/** An alias must be a name that `parseModelRef` accepts, since users type it. */
export const isAlias = (alias: string): boolean =>
  alias.length <= 96 && isPathPart(alias) && !/--|[-.]$|\.git$|\+/.test(alias);
