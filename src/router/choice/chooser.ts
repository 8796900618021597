import type { Clock } from "../../core/clock.ts";
import type { Choice, ChoiceRequest, Cluster, NodeLoad, NodeState } from "../types.ts";
import { chooseNode, type PolicyName } from "./choose-node.ts";
import { type CacheFollower, followCaches } from "./follow-caches.ts";
import { type ChoiceLimits, choiceLimits } from "./limits.ts";
import { createModelIndex, type Places } from "./model-index.ts";
import { nodeChanges } from "./node-changes.ts";
import { createNodeLoads, type NodeLoads } from "./node-loads.ts";
import { createPrefixIndex } from "./prefix-index.ts";
import { createSessions } from "./sessions.ts";

/** A request that is on its way to a node or there. */
export interface Lease extends Disposable {
  /** The first byte of the answer's body came: the prompt is evaluated. */
  firstByte(): void;
  /**
   * The answer is over, whole or not. `cachedTokens`: what the node says of this prompt that it had in its cache. Without a first byte the
   * node is not taken to know the prompt. A second call does nothing.
   */
  end(cachedTokens?: number): void;
}

/** Everything that a choice remembers, around the pure `chooseNode`. */
export interface Chooser {
  choose(request: ChoiceRequest): Choice;
  /** Books what was chosen; to be called at once, so that the next choice knows of it. */
  begin(choice: Extract<Choice, { kind: "node" }>, request: ChoiceRequest): Lease;
  load(nodeId: string): NodeLoad;
  /** Where a model is now. */
  places(model: string): Places;
  readonly prefixMarks: number;
}

export interface ChooserOptions {
  readonly cluster: Pick<Cluster, "nodes">;
  readonly clock: Clock;
  readonly policy?: PolicyName;
  readonly limits?: ChoiceLimits;
  readonly random?: () => number;
}

export const createChooser = ({
  cluster,
  clock,
  policy = "prefix",
  limits = choiceLimits,
  random = Math.random,
}: ChooserOptions): Chooser => {
  const loads = createNodeLoads();
  const models = createModelIndex(loads.of);
  const prefixes = createPrefixIndex();
  const sessions = createSessions();
  const caches = followCaches(prefixes);
  let seen: readonly NodeState[] = [];
  let cursor = 0;
  const current = () => {
    const nodes = cluster.nodes();
    if (nodes !== seen) follow(seen, nodes, { loads, caches, nowMs: clock.now() });
    seen = nodes;
    return nodes;
  };
  return {
    choose(request) {
      const { session, model } = request;
      const nodes = current();
      return chooseNode(request, {
        nodes,
        models,
        policy,
        limits,
        random,
        cursor: cursor++,
        cached: prefixes.match(models.find(nodes, model).names, promptOf(request), clock.now(), random()),
        sessionNode: session === undefined ? undefined : sessions.find(session, model, clock.now()),
      });
    },
    begin({ node, model, uncachedTokens }, request) {
      const ticket = loads.add(node.id, model.name, uncachedTokens);
      const note = prefixes.record(node.id, model.name, promptOf(request), clock.now());
      if (request.session !== undefined) sessions.note(request.session, request.model, node.id, clock.now());
      let state: "sent" | "answering" | "over" = "sent";
      const end = (cachedTokens?: number) => {
        if (state === "answering") note.confirm(cachedTokens, clock.now());
        else if (state === "sent") note.withdraw();
        state = "over";
        ticket.end();
      };
      const firstByte = () => {
        if (state === "sent") state = "answering";
        ticket.evaluated();
      };
      return { firstByte, end, [Symbol.dispose]: end };
    },
    load: loads.of,
    places: (model) => models.find(current(), model),
    get prefixMarks() {
      return prefixes.marks;
    },
  };
};

const none: readonly number[] = [];

const promptOf = ({ prefix, prefixTokens = none, promptTokens }: ChoiceRequest) => ({
  prefix,
  prefixTokens,
  promptTokens,
});

interface Followed {
  loads: NodeLoads;
  caches: CacheFollower;
  nowMs: number;
}

const follow = (before: readonly NodeState[], after: readonly NodeState[], { loads, caches, nowMs }: Followed) => {
  const { told, gone } = nodeChanges(before, after);
  for (const { id } of gone) {
    loads.forget(id);
    caches.gone(id);
  }
  for (const node of told) {
    loads.compare(node.id, node.reading);
    caches.told(node, loads.of(node.id), nowMs);
  }
};
