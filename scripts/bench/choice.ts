import { systemClock } from "../../src/core/clock.ts";
import { hashPrompt } from "../../src/core/prompt-prefix.ts";
import { createChooser } from "../../src/router/choice/chooser.ts";
import { choiceLimits } from "../../src/router/choice/limits.ts";
import type { ChoiceRequest, NodeState } from "../../src/router/types.ts";
import { nodeState, seededRandom } from "../fixtures/node-states.ts";

const nodeCount = 1_000;
const modelCount = 10_000;
const everywhere = "org/everywhere-GGUF:Q4_K_M";
const decisions = 50_000;

export interface ChoiceBench {
  nodes: number;
  models: number;
  /** One decision, in microseconds: without and with the booking of the request on the node that was chosen. */
  microseconds: Record<string, { median: number; p99: number; aim?: number }>;
}

const random = seededRandom(7);

/** Few models are on many nodes, many on few: the n-th is on about 1,000/n of them, at least two; one is on all. */
const modelsOf = (node: number) => {
  const own = Array.from({ length: modelCount - 1 }, (_, index) => ({ name: `org/model-${index}`, index }));
  const names = own.filter(
    ({ index }) => (node * 7919 + index * 104_729) % nodeCount < Math.max(2, nodeCount / (index + 10)),
  );
  const models = names.map(({ name }) => ({ name, loaded: random() < 0.3 }));
  return [{ name: everywhere, loaded: true }, ...models].map((model) => ({
    ...model,
    ...(random() < 0.9 ? { promptTokensPerSecond: 500 + 4_000 * random() } : {}),
  }));
};

const makeNodes = () => Array.from({ length: nodeCount }, (_, node) => nodeState(`node-${node}`, modelsOf(node)));

const text = (words: number, seed: number) => Array.from({ length: words }, (_, index) => `w${seed + index} `).join("");

/** Chats about 50 long beginnings, of 6,000 tokens and more. */
const requestsFor = (model: (index: number) => string): ChoiceRequest[] =>
  Array.from({ length: 500 }, (_, index) => {
    const name = model(index);
    const prompt = hashPrompt(["system", text(4_000, (index % 50) * 10_000), "user", text(200, index * 300)]);
    return { model: name, ...prompt, excluded: new Set<string>() };
  });

/** 1,000 nodes and 10,000 models: everyday names, and the one that all nodes have loaded. */
export const benchChoice = async (): Promise<ChoiceBench> => {
  let nodes: readonly NodeState[] = makeNodes();
  const report = () => {
    const at = Math.floor(random() * nodes.length);
    nodes = nodes.map((node, index) => (index === at ? { ...node, reading: { ...node.reading } } : node));
  };
  const zipf = () => Math.min(modelCount - 2, Math.floor(modelCount ** random() - 1));
  const mixed = requestsFor(() => `org/model-${zipf()}`);
  const worst = requestsFor(() => everywhere);
  const microseconds: ChoiceBench["microseconds"] = {};
  for (const policy of ["prefix", "least-busy", "round-robin"] as const) {
    for (const [what, requests] of Object.entries({ "any model": mixed, "a model that all nodes have": worst })) {
      const limits = { ...choiceLimits, waitingPerSlot: 100 };
      const chooser = createChooser({ cluster: { nodes: () => nodes }, clock: systemClock, policy, random, limits });
      const run = measure(chooser, requests, report);
      microseconds[`${policy}, ${what}`] = { ...summary(run.choosing), ...(policy === "prefix" ? { aim: 50 } : {}) };
      if (policy === "prefix") microseconds[`${policy}, ${what}, booked`] = summary(run.booking);
      if (policy === "prefix") microseconds[`${policy}, ${what}, first after a report`] = summary(run.reported);
    }
  }
  return { nodes: nodeCount, models: modelCount, microseconds };
};

/** About 2,000 requests are in flight at once; a node reports after every tenth. */
const measure = (chooser: ReturnType<typeof createChooser>, requests: readonly ChoiceRequest[], report: () => void) => {
  const leases: { end(): void; firstByte(): void }[] = [];
  const times = { choosing: [] as number[], booking: [] as number[], reported: [] as number[] };
  for (let turn = 0; turn < decisions; turn++) {
    if (turn % 10 === 0) report();
    const request = requests[Math.floor(random() * requests.length)] as ChoiceRequest;
    const startMs = performance.now();
    const choice = chooser.choose(request);
    const chosenMs = performance.now();
    const lease = choice.kind === "node" ? chooser.begin(choice, request) : undefined;
    const endMs = performance.now();
    if (lease) leases[turn % 2_000]?.firstByte();
    if (lease) leases[turn % 2_000]?.end();
    if (lease) leases[turn % 2_000] = lease;
    if (turn < decisions / 10) continue; // until everything is compiled and warm
    times.choosing.push(chosenMs - startMs);
    times.booking.push(endMs - startMs);
    if (turn % 10 === 0) times.reported.push(chosenMs - startMs);
  }
  return times;
};

const summary = (timesMs: number[]) => {
  timesMs.sort((a, b) => a - b);
  const at = (share: number) => Number(((timesMs[Math.floor(timesMs.length * share)] ?? 0) * 1_000).toFixed(1));
  return { median: at(0.5), p99: at(0.99) };
};
