import type { NodeKind } from "../../api/router.ts";
import type { Place } from "./model-index.ts";

export interface ChoiceLimits {
  /** A node that is this far behind the least busy one gets nothing for its cache's sake: about what a user waits before trying again. */
  readonly ceilingSeconds: number;
  /** A second of evaluating a prompt anew is worth so many of waiting: it also takes the room of another prompt in a cache. */
  readonly patience: number;
  /** Of prompts, where no node that has the model has been measured. */
  readonly defaultTokensPerSecond: number;
  /** How long a request keeps its slot, for what waits behind full slots. */
  readonly holdSeconds: number;
  /** What running beside a full house costs: answers come slower. */
  readonly crowdSeconds: number;
  /**
   * Requests that may wait on a node for each of its slots. Few, and the router's fair queue rules; too few, and under load a request goes to
   * whichever node has room, never to the one that knows its prompt: in `bun run bench fleet` at 20/s, 0.5 has a hit rate of 0.71, 2 of 0.94.
   */
  readonly waitingPerSlot: number;
  /** Share of requests that go where nobody would have sent them, to learn. */
  readonly explore: number;
}

export const choiceLimits: ChoiceLimits = {
  ceilingSeconds: 10,
  patience: 3,
  defaultTokensPerSecond: 500,
  holdSeconds: 5,
  crowdSeconds: 1,
  waitingPerSlot: 2,
  explore: 0.01,
};

/** Where a node does not tell: Ollama's and LM Studio's default, llama-server's; the others batch without a fixed number. */
const slotsByKind: Record<NodeKind, number> = {
  llmlb: 4,
  ollama: 4,
  "lm-studio": 4,
  "llama-server": 4,
  vllm: 128,
  openai: 128,
};

export const slotsOf = ({ node, model }: Pick<Place, "node" | "model">): number =>
  Math.max(1, model.slots ?? slotsByKind[node.kind]);

/** Only the router's own requests count: what a node told of others is seconds old, and a full node says so itself. */
export const hasRoom = (place: Place, limits: ChoiceLimits): boolean => {
  const places = slotsOf(place) * (1 + limits.waitingPerSlot);
  return place.load.requests < places || requestsOf(place) < places;
};

export const requestsOf = ({ model, load }: Place): number =>
  load.byModel ? (load.byModel.get(model.name) ?? 0) : load.requests;
