import { expect, test } from "bun:test";
import { nodeState } from "../../../scripts/fixtures/node-states.ts";
import type { NodeDevice } from "../../../src/api/node.ts";
import { choosePullNode, type PullRequest } from "../../../src/router/choice/choose-pull-node.ts";
import type { NodeReading, NodeState } from "../../../src/router/types.ts";

const gb = 1e9;
const node = (id: string, reading: Partial<NodeReading> = {}, rest: Partial<NodeState> = {}): NodeState => {
  const { modelsByName, ...state } = nodeState(id, []);
  return { ...state, modelsByName, ...rest, reading: { models: [], ...reading } };
};
const gpu = (freeGb: number): { devices: NodeDevice[] } => ({
  devices: [{ name: "CUDA0", description: "", kind: "gpu", total_bytes: 24 * gb, free_bytes: freeGb * gb, used: true }],
});
const having = (id: string, name: string, reading: Partial<NodeReading> = {}) =>
  node(id, reading, { modelsByName: new Map([[name.toLowerCase(), { name, loaded: false }]]) });

const model = "Org/Model-GGUF";
const size = { diskBytes: 10 * gb, modelBytes: 10 * gb };
const chosen = (nodes: NodeState[], request: Partial<PullRequest> = {}) =>
  [nodes, nodes.toReversed()].map((some) => choosePullNode(some, { model, size, ...request }).id);
const always = (id: string) => [id, id];

test("who has the model gets what is new of it, whatever the others have", () => {
  expect(chosen([node("big", gpu(20)), having("has", model)])).toEqual(always("has"));
});

test("a model of the Hub goes to llmlb, one of Ollama's library to Ollama", () => {
  const nodes = [node("llmlb"), node("ollama", gpu(20), { kind: "ollama" })];
  expect(chosen(nodes)).toEqual(always("llmlb"));
  expect(chosen(nodes, { model: "llama3.2", size: undefined })).toEqual(always("ollama"));
});

test("a node that failed of late is the last to get one", () => {
  expect(chosen([node("failing", gpu(20), { status: "degraded" }), node("sound")])).toEqual(always("sound"));
});

test("room on the disk goes before memory: without it there is no model to load", () => {
  const full = node("full", { ...gpu(20), diskFreeBytes: 9 * gb });
  const roomy = node("roomy", { availableBytes: 4 * gb, diskFreeBytes: 100 * gb });
  const silent = node("silent", { availableBytes: 4 * gb });
  expect(chosen([full, roomy])).toEqual(always("roomy"));
  expect(chosen([full, silent])).toEqual(always("silent"));
  expect(chosen([roomy, silent])).toEqual(always("roomy"));
  expect(chosen([full, roomy], { size: undefined })).toEqual(always("full")); // nobody knows what it takes
});

test("all on a GPU, in memory, after unloading, not told, never", () => {
  const loaded = [{ name: "x", loaded: true, sizeBytes: 20 * gb }];
  const best = [
    node("on its GPU", gpu(12)),
    node("in memory", { ...gpu(11), availableBytes: 64 * gb }),
    node("after unloading", { models: loaded, availableBytes: 2 * gb }),
    node("not told"),
    node("never", { availableBytes: 4 * gb }),
  ];
  for (let from = 0; from < best.length; from++)
    expect(chosen(best.slice(from))).toEqual(always((best[from] as NodeState).id));
});

test("of equals the one with the most memory, then with the most disk", () => {
  expect(chosen([node("a", gpu(15)), node("b", gpu(20))])).toEqual(always("b"));
  expect(chosen([node("a", { availableBytes: 64 * gb }), node("b", { availableBytes: 32 * gb })])).toEqual(always("a"));
  expect(chosen([node("a", { diskFreeBytes: 20 * gb }), node("b", { diskFreeBytes: 30 * gb })])).toEqual(always("b"));
});
