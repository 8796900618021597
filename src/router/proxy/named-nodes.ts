import { followAliases, type ModelNames, resolveModel } from "../choice/resolve-model.ts";
import type { Cluster, NodeState } from "../types.ts";

/** Nodes by the names that people use for models: those of router.toml too. */
export interface NamedNodes {
  /** What the name stands for. A fallback is no other name: what is done to a model is not to be done to another. */
  meant(name: string): string;
  /** Who has a model that may answer for the name, whatever its node does now. */
  answering(name: string): NodeState[];
}

const noNames: ModelNames = { aliases: new Map(), fallbacks: new Map() };

export const createNamedNodes = (cluster: Pick<Cluster, "nodes">, names = () => noNames): NamedNodes => {
  const having = (name: string) => cluster.nodes().filter(({ modelsByName }) => modelsByName.has(name.toLowerCase()));
  return {
    meant: (name) => followAliases(name, names().aliases),
    answering: (name) => resolveModel(name, names(), { has: (model) => having(model).length > 0 }).flatMap(having),
  };
};
