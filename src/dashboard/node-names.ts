import type { RouterNode } from "../api/router.ts";

/** An address as people write it: without the scheme that goes without saying. */
export const hostOf = (url: string): string => url.replace(/^http:\/\//, "");

/** What each node is called, by its id; where two have one name, their ids tell them apart. */
export const nodeNames = (nodes: readonly Pick<RouterNode, "id" | "name" | "url">[]): ReadonlyMap<string, string> => {
  const plain = nodes.map(({ id, name, url }) => ({ id, name: name ?? hostOf(url) }));
  const counts = new Map<string, number>();
  for (const { name } of plain) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map(plain.map(({ id, name }) => [id, counts.get(name) === 1 ? name : `${name} (${id})`]));
};
