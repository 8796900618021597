import type { NodeState } from "../types.ts";

export interface NodeChanges {
  /** Nodes with a new reading, new ones included. */
  readonly told: readonly NodeState[];
  readonly gone: readonly NodeState[];
}

/** What is different between two snapshots. Most differ in one node, so positions are compared first. */
export const nodeChanges = (before: readonly NodeState[], after: readonly NodeState[]): NodeChanges => {
  const differing: NodeState[] = [];
  const leaving: NodeState[] = [];
  for (let index = 0; index < Math.max(before.length, after.length); index++) {
    const [was, is] = [before[index], after[index]];
    if (was === is) continue;
    if (was) leaving.push(was);
    if (is) differing.push(is);
  }
  if (differing.length === 0 && leaving.length === 0) return { told: [], gone: [] };
  const was = new Map(leaving.map((node) => [node.id, node]));
  const is = new Set(differing.map(({ id }) => id));
  return {
    told: differing.filter((node) => was.get(node.id)?.reading !== node.reading),
    gone: leaving.filter(({ id }) => !is.has(id)),
  };
};
