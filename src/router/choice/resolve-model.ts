export interface ModelNames {
  /** Name -> the name it stands for, which may be an alias again. In lower case, as all names here. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Name -> what to take where no node can serve it, in order. Aliases may stand here too. */
  readonly fallbacks: ReadonlyMap<string, readonly string[]>;
}

/**
 * The models that may answer for a name, best first; never empty. An alias wins over a model of the same name: whoever wrote it meant it. A
 * circle of aliases ends where it began. What no node has is left out, unless nothing else remains: an error then names what was wanted.
 * Permissions are to be checked on what is used of this, not on the alias.
 */
export const resolveModel = (
  name: string,
  { aliases, fallbacks }: ModelNames,
  known: Pick<ReadonlySet<string>, "has">,
): readonly [string, ...string[]] => {
  const wanted = followAliases(name, aliases);
  const all = new Map([[wanted.toLowerCase(), wanted]]);
  // Fallbacks of fallbacks come after them: a Map that grows is iterated to its end, and each name is in it once.
  for (const key of all.keys()) {
    for (const fallback of fallbacks.get(key) ?? []) {
      const name = followAliases(fallback, aliases);
      if (!all.has(name.toLowerCase())) all.set(name.toLowerCase(), name);
    }
  }
  const [first, ...rest] = [...all.values()].filter((one) => known.has(one.toLowerCase()));
  return first === undefined ? [wanted] : [first, ...rest];
};

/** What a name stands for, itself where it is no alias. */
export const followAliases = (name: string, aliases: ReadonlyMap<string, string>): string => {
  const passed = new Set<string>();
  let at = name;
  for (let next = aliases.get(at.toLowerCase()); next !== undefined; next = aliases.get(at.toLowerCase())) {
    if (passed.has(at.toLowerCase())) return name;
    passed.add(at.toLowerCase());
    at = next;
  }
  return at;
};
