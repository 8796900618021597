import type { ModelReading, NodeLoad, NodeState } from "../types.ts";

/** A model on a node that has it. */
export interface Place {
  readonly node: NodeState;
  readonly model: ModelReading;
  /** What the router has there at the moment: this one changes in place, for a decision looks at a thousand of them. */
  readonly load: NodeLoad;
}

/** Where a model is, in the order of the nodes. */
export interface Places {
  readonly online: { readonly loaded: readonly Place[]; readonly cold: readonly Place[] };
  /** Failed of late; better than nothing. */
  readonly degraded: { readonly loaded: readonly Place[]; readonly cold: readonly Place[] };
  /** Nodes that take no requests. */
  readonly closed: readonly Place[];
  /** Mean of the measured speeds; undefined = none is measured. */
  readonly promptTokensPerSecond: number | undefined;
  /** What the model is called on these nodes: the same name on nearly all. */
  readonly names: readonly string[];
}

/** Finds who has a model. Remembers what it found, and after a change looks only at the nodes that changed. */
export interface ModelIndex {
  find(nodes: readonly NodeState[], model: string): Places;
}

interface Found {
  nodes: readonly NodeState[];
  /** By the node's position in `nodes`. */
  byNode: readonly (Place | undefined)[];
  places: Places;
  /** Snapshots that had been seen when it was last asked for. */
  age: number;
}

const cellsMax = 2_000_000; // 16 MB of pointers: the 1,000 names asked for last, with 1,000 nodes
const namesMax = 8; // each is looked up with every choice
const ageMax = 256; // snapshots; what is older would keep old readings of every node in memory

export const createModelIndex = (loadOf: (nodeId: string) => NodeLoad): ModelIndex => {
  /** Asked for least lately first. */
  const foundByName = new Map<string, Found>();
  let cells = 0;
  let latest: readonly NodeState[] = [];
  let age = 0;
  const forget = (name: string, { byNode }: Found) => {
    foundByName.delete(name);
    cells -= byNode.length + 1;
  };
  const keepBounds = () => {
    for (const [name, found] of foundByName) {
      if (cells <= cellsMax && age - found.age <= ageMax) return;
      forget(name, found);
    }
  };
  return {
    find(nodes, model) {
      if (nodes !== latest) {
        latest = nodes;
        age++;
        keepBounds();
      }
      const name = model.toLowerCase();
      const known = foundByName.get(name);
      if (known?.nodes === nodes && known.age === age) return known.places;
      const found = known?.nodes === nodes ? { ...known, age } : look(nodes, name, known, age, loadOf);
      if (known) forget(name, known);
      foundByName.set(name, found);
      cells += found.byNode.length + 1;
      keepBounds();
      return found.places;
    },
  };
};

const look = (
  nodes: readonly NodeState[],
  name: string,
  known: Found | undefined,
  age: number,
  loadOf: (nodeId: string) => NodeLoad,
): Found => {
  const placeOf = (node: NodeState): Place | undefined => {
    const model = node.modelsByName.get(name);
    return model && { node, model, load: loadOf(node.id) };
  };
  if (known?.nodes.length !== nodes.length) {
    const byNode = nodes.map(placeOf);
    return { nodes, byNode, places: sort(byNode), age };
  }
  let { byNode, places } = known;
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index] as NodeState;
    if (known.nodes[index] === node) continue;
    const [before, place] = [byNode[index], placeOf(node)];
    if (!place && !before) continue;
    byNode = byNode.with(index, place);
    places = patched(places, before, place) ?? sort(byNode);
  }
  return { nodes, byNode, places, age };
};

/**
 * The same places but for one that a node told anew, as reports come from a thousand nodes all the time. Undefined where it is not in the
 * group of the one before it, or of another speed, on which the mean depends, or name.
 */
const patched = (places: Places, before: Place | undefined, place: Place | undefined): Places | undefined => {
  if (!before || !place) return undefined;
  const { status } = place.node;
  if (status !== "online" || before.node.status !== status || before.model.loaded !== place.model.loaded)
    return undefined;
  if (before.model.promptTokensPerSecond !== place.model.promptTokensPerSecond) return undefined;
  if (before.model.name !== place.model.name) return undefined;
  const group = place.model.loaded ? "loaded" : "cold";
  const among = places.online[group];
  return { ...places, online: { ...places.online, [group]: among.with(among.indexOf(before), place) } };
};

const sort = (byNode: readonly (Place | undefined)[]): Places => {
  const online = { loaded: [] as Place[], cold: [] as Place[] };
  const degraded = { loaded: [] as Place[], cold: [] as Place[] };
  const closed: Place[] = [];
  const open = { online, degraded, draining: undefined, offline: undefined };
  let speeds = 0;
  let measured = 0;
  const names = new Set<string>();
  for (const place of byNode) {
    if (!place) continue;
    const { node, model } = place;
    names.add(model.name);
    const group = open[node.status];
    (group ? group[model.loaded ? "loaded" : "cold"] : closed).push(place);
    if (!group || model.promptTokensPerSecond === undefined) continue;
    speeds += model.promptTokensPerSecond;
    measured++;
  }
  const promptTokensPerSecond = measured > 0 ? speeds / measured : undefined;
  return { online, degraded, closed, promptTokensPerSecond, names: [...names].slice(0, namesMax) };
};
