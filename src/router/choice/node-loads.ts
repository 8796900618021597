import type { NodeLoad, NodeReading } from "../types.ts";

/** One request on a node. */
export interface LoadTicket {
  /** Its prompt has been evaluated: it delays no other's any more. */
  evaluated(): void;
  end(): void;
}

/** What the router has on each node. */
export interface NodeLoads {
  /** The same object until the node is forgotten; it changes. */
  of(nodeId: string): NodeLoad;
  add(nodeId: string, model: string, uncachedTokens: number): LoadTicket;
  /** A node told anew: what it has beyond the router's own requests is others'. */
  compare(nodeId: string, reading: NodeReading): void;
  forget(nodeId: string): void;
}

interface Entry extends NodeLoad {
  requests: number;
  uncachedTokens: number;
  foreignRequests: number;
  readonly byModel: Map<string, number>;
}

export const createNodeLoads = (): NodeLoads => {
  const entries = new Map<string, Entry>();
  const entryOf = (nodeId: string): Entry => {
    const entry = entries.get(nodeId) ?? { requests: 0, uncachedTokens: 0, foreignRequests: 0, byModel: new Map() };
    entries.set(nodeId, entry);
    return entry;
  };
  return {
    of: entryOf,
    add(nodeId, model, uncachedTokens) {
      const entry = entryOf(nodeId);
      let pending = uncachedTokens;
      let ended = false;
      entry.requests++;
      entry.uncachedTokens += pending;
      count(entry.byModel, model, 1);
      const evaluated = () => {
        entry.uncachedTokens -= pending;
        pending = 0;
      };
      return {
        evaluated,
        end() {
          if (ended) return;
          ended = true;
          evaluated();
          entry.requests--;
          count(entry.byModel, model, -1);
        },
      };
    },
    compare(nodeId, { models }) {
      const told = models.reduce((sum, { busySlots, queued }) => sum + (busySlots ?? 0) + (queued ?? 0), 0);
      const entry = entryOf(nodeId);
      entry.foreignRequests = Math.max(0, told - entry.requests);
    },
    forget: (nodeId) => void entries.delete(nodeId),
  };
};

const count = (byModel: Map<string, number>, model: string, by: number) => {
  const sum = (byModel.get(model) ?? 0) + by;
  if (sum > 0) byModel.set(model, sum);
  else byModel.delete(model);
};
