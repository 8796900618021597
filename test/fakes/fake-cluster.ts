import type { NodeKind } from "../../src/api/router.ts";
import type { Chooser, NodeChoice } from "../../src/router/proxy/placement.ts";
import type { ChoiceRequest, Cluster, ModelReading, NodeState, Outcome } from "../../src/router/types.ts";

export interface FakeNodeOptions {
  id: string;
  url: string;
  kind?: NodeKind;
  models?: (string | ModelReading)[];
  status?: NodeState["status"];
  credential?: string;
  /** Requests that it takes at once. */
  slots?: number;
  availableBytes?: number;
  diskFreeBytes?: number;
}

const nodeState = ({
  id,
  url,
  kind = "llmlb",
  models = ["m"],
  status = "online",
  availableBytes,
  diskFreeBytes,
}: FakeNodeOptions) => {
  const readings = models.map((model) => (typeof model === "string" ? { name: model, loaded: true } : model));
  return {
    ...{ id, url, kind, status, joined: false, draining: false, addedAtMs: 0 },
    reading: {
      models: readings,
      ...(availableBytes !== undefined && { availableBytes }),
      ...(diskFreeBytes !== undefined && { diskFreeBytes }),
    },
    modelsByName: new Map(
      readings.flatMap((one) => [one.name, one.name.split(":")[0] ?? ""].map((n) => [n.toLowerCase(), one])),
    ),
  } satisfies NodeState;
};

export interface FakeCluster extends Cluster {
  readonly notes: [id: string, outcome: Outcome][];
  set(id: string, changes: Partial<NodeState>): void;
}

/** Nodes that are what the test says. */
export const fakeCluster = (options: readonly FakeNodeOptions[]): FakeCluster => {
  let nodes: NodeState[] = options.map(nodeState);
  const notes: [string, Outcome][] = [];
  return {
    notes,
    nodes: () => nodes,
    find: (wanted) => nodes.find(({ id }) => id === wanted),
    credential: (wanted) => options.find(({ id }) => id === wanted)?.credential,
    refresh: async () => undefined,
    note: (id, outcome) => void notes.push([id, outcome]),
    set(wanted, changes) {
      nodes = nodes.map((node) => (node.id === wanted ? { ...node, ...changes } : node));
    },
  };
};

export interface FakeChooser extends Chooser {
  /** Requests on each node now. */
  readonly held: ReadonlyMap<string, number>;
  readonly asked: ChoiceRequest[];
  /** What nodes told of their caches. */
  readonly cached: (number | undefined)[];
}

/** The first node in their order that has the model, is not excluded and has a slot free. */
export const fakeChooser = (cluster: Cluster, options: readonly FakeNodeOptions[]): FakeChooser => {
  const held = new Map<string, number>();
  const asked: ChoiceRequest[] = [];
  const cached: (number | undefined)[] = [];
  const slotsOf = (wanted: string) => options.find(({ id }) => id === wanted)?.slots ?? Number.POSITIVE_INFINITY;
  return {
    held,
    asked,
    cached,
    choose(request) {
      asked.push({ ...request, excluded: new Set(request.excluded) });
      const having = cluster.nodes().filter(({ modelsByName }) => modelsByName.has(request.model.toLowerCase()));
      if (having.length === 0) return { kind: "unknown-model" };
      const able = having.filter(({ id, status }) => status === "online" && !request.excluded.has(id));
      if (able.length === 0) return { kind: "unavailable", reason: "no node takes requests" };
      const node = able.find(({ id }) => (held.get(id) ?? 0) < slotsOf(id));
      const model = node?.modelsByName.get(request.model.toLowerCase());
      if (!node || !model) return { kind: "wait" };
      return { kind: "node", node, model, reason: "least-busy", uncachedTokens: request.promptTokens };
    },
    begin({ node }: NodeChoice) {
      held.set(node.id, (held.get(node.id) ?? 0) + 1);
      const end = (cachedTokens?: number) => {
        held.set(node.id, (held.get(node.id) ?? 1) - 1);
        cached.push(cachedTokens);
      };
      return { firstByte: () => undefined, end };
    },
  };
};
