import type { NodeState } from "../types.ts";
import { freeGpuBytes, memoryFit } from "./memory-fit.ts";
import { firstByRank } from "./rank.ts";

/** What is to be pulled. */
export interface PullRequest {
  /** As the client wrote it. */
  readonly model: string;
  /** Sizes as a node planned them; absent = nobody knows. */
  readonly size?: PullSize | undefined;
}

export interface PullSize {
  /** On disk, at the worst moment. */
  readonly diskBytes: number;
  /** Of the model that it becomes. */
  readonly modelBytes: number;
}

type Rank = (node: NodeState, request: PullRequest) => number;

const yes = (fact: boolean): number => (fact ? 0 : 1);

/**
 * What makes a node better than another, the weightiest first; less is better. Where nothing is told a node stands between those that can and
 * those that cannot. Nodes that drain are no candidates.
 */
const ranks: readonly Rank[] = [
  // A pull of what is there looks for something newer, and downloads nothing else.
  ({ modelsByName }, { model }) => yes(modelsByName.has(model.toLowerCase())),
  // A name of the Hub has an organisation, a name of Ollama's own library mostly none.
  ({ kind }, { model }) => yes((kind === "ollama") === !model.includes("/")),
  ({ status }) => yes(status === "online"),
  ({ reading: { diskFreeBytes } }, { size }) => {
    if (!size || diskFreeBytes === undefined) return 1;
    return diskFreeBytes >= size.diskBytes ? 0 : 2;
  },
  (node, { size }) => (size ? memoryRank(node, size) : 0),
  (node) => -freeGpuBytes({ node }),
  ({ reading }) => -(reading.availableBytes ?? 0),
  ({ reading }) => -(reading.diskFreeBytes ?? 0),
];

/** All on its GPUs, all in its memory, once idle models are unloaded, not told, never. */
const memoryRank = (node: NodeState, { modelBytes }: PullSize): number => {
  const { devices, availableBytes } = node.reading;
  if (devices === undefined && availableBytes === undefined) return 3;
  const model = { name: "", loaded: false, sizeBytes: modelBytes };
  if (memoryFit({ node: withoutHost(node), model }) === "free") return 0;
  return { free: 1, evict: 2, never: 4 }[memoryFit({ node, model })];
};

const withoutHost = (node: NodeState): NodeState => {
  const { devices = [], ...reading } = node.reading;
  return { ...node, reading: { ...reading, devices, availableBytes: 0 } };
};

/** The node that gets a model; of equals the first. `nodes` is not empty. */
export const choosePullNode = (nodes: readonly NodeState[], request: PullRequest): NodeState =>
  firstByRank(nodes, (node) => ranks.map((rank) => rank(node, request)));
