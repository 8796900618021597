import { expect, test } from "bun:test";
import { nodeState } from "../../../scripts/fixtures/node-states.ts";
import type { NodeDevice } from "../../../src/api/node.ts";
import { chooseNode, type World } from "../../../src/router/choice/choose-node.ts";
import { choiceLimits } from "../../../src/router/choice/limits.ts";
import { createModelIndex } from "../../../src/router/choice/model-index.ts";
import type { Choice, ChoiceRequest, NodeLoad, NodeState } from "../../../src/router/types.ts";

const request = (rest: Partial<ChoiceRequest> = {}): ChoiceRequest => ({
  model: "m",
  prefix: [],
  promptTokens: 1_000,
  excluded: new Set(),
  ...rest,
});

interface Setting extends Partial<Omit<World, "cached" | "models">> {
  loads?: Record<string, Partial<NodeLoad>>;
  cached?: Record<string, number>;
}

const choose = (nodes: NodeState[], { loads = {}, cached = {}, ...world }: Setting = {}, asked = request()): Choice =>
  chooseNode(asked, {
    nodes,
    models: createModelIndex((id) => ({ requests: 0, uncachedTokens: 0, ...loads[id] })),
    policy: "prefix",
    limits: choiceLimits,
    random: () => 0.5,
    cursor: 0,
    sessionNode: undefined,
    cached: new Map(Object.entries(cached)),
    ...world,
  });

const picked = (choice: Choice) => (choice.kind === "node" ? `${choice.node.id} ${choice.reason}` : choice.kind);
const at = (id: string, promptTokensPerSecond = 1_000, rest: Partial<NodeState> = {}) =>
  nodeState(id, [{ promptTokensPerSecond }], rest);
const gpu = (free_bytes: number): NodeDevice => ({
  name: "CUDA0",
  description: "GPU",
  kind: "gpu",
  total_bytes: 24e9,
  free_bytes,
  used: true,
});
const cold = (id: string, freeBytes: number, others: { name: string; sizeBytes: number }[] = []) =>
  nodeState(id, [{ loaded: false, sizeBytes: 8e9 }, ...others], {
    reading: { models: [], devices: [gpu(freeBytes)], availableBytes: 0 },
  });

test("a model that nobody has, that nobody can serve, that all tried nodes have", () => {
  expect(choose([])).toEqual({ kind: "unknown-model" });
  expect(choose([nodeState("a", [{ name: "other" }])])).toEqual({ kind: "unknown-model" });
  expect(choose([at("a", 1, { status: "offline" }), at("b", 1, { status: "draining" })])).toEqual({
    kind: "unavailable",
    reason: "the nodes that have the model are draining or offline",
  });
  expect(choose([at("a")], {}, request({ excluded: new Set(["a"]) }))).toEqual({
    kind: "unavailable",
    reason: "every node that has the model was tried",
  });
  expect(choose([cold("a", 1e9)])).toEqual({
    kind: "unavailable",
    reason: "no node has the memory to load the model",
  });
});

test("names are found in any case; the only node is the only node", () => {
  expect(picked(choose([at("a")], {}, request({ model: "M" })))).toBe("a only");
});

test("draining, offline and tried nodes get nothing", () => {
  const nodes = [at("a", 1, { status: "draining" }), at("b", 1, { status: "offline" }), at("c"), at("d")];
  expect(picked(choose(nodes, {}, request({ excluded: new Set(["c"]) })))).toBe("d only");
});

test("a degraded node is tried where no other is left", () => {
  const nodes = [at("a", 9_000, { status: "degraded" }), at("b", 10)];
  expect(picked(choose(nodes))).toBe("b only");
  expect(picked(choose(nodes, {}, request({ excluded: new Set(["b"]) })))).toBe("a only");
  const all = [at("a", 9_000, { status: "degraded" }), at("b", 10, { status: "degraded" })];
  expect(picked(choose(all))).toBe("a least-loaded");
});

test("loaded before cold, cold before waiting, and waiting before a node without the memory", () => {
  const full = { requests: 12, byModel: new Map([["m", 12]]) };
  expect(picked(choose([cold("a", 20e9), at("b")]))).toBe("b only");
  expect(picked(choose([cold("a", 20e9), at("b")], { loads: { b: full } }))).toBe("a cold");
  expect(picked(choose([cold("a", 1e9), at("b")], { loads: { b: full } }))).toBe("wait");
  expect(picked(choose([at("a"), at("b")], { loads: { a: full, b: full } }))).toBe("wait");
});

test("another model's requests do not fill this one's slots", () => {
  const busyElsewhere = { requests: 50, byModel: new Map([["other", 50]]) };
  expect(picked(choose([at("a")], { loads: { a: busyElsewhere } }))).toBe("a only");
});

test("a cold model goes where it fits without unloading, then where least is going on, then where most is free", () => {
  const others = [{ name: "other", sizeBytes: 12e9 }];
  expect(picked(choose([cold("a", 4e9, others), cold("b", 10e9)]))).toBe("b cold");
  expect(picked(choose([cold("a", 4e9, others), cold("b", 1e9)]))).toBe("a cold");
  expect(picked(choose([cold("a", 10e9), cold("b", 20e9)]))).toBe("b cold");
  const busy = { requests: 1, byModel: new Map([["other", 1]]) };
  expect(picked(choose([cold("a", 10e9), cold("b", 20e9)], { loads: { b: busy } }))).toBe("a cold");
});

test("a model that one node is loading is not loaded on a second", () => {
  const loading = { requests: 1, byModel: new Map([["m", 1]]) };
  expect(picked(choose([cold("a", 10e9), cold("b", 20e9)], { loads: { a: loading } }))).toBe("a only");
});

test("sticky until saturated: the warm node keeps its chats until it is a ceiling behind", () => {
  const nodes = [at("warm"), at("other")];
  const cached = { warm: 6_000 };
  const long = request({ promptTokens: 6_500 });
  const warmWith = (uncachedTokens: number) =>
    picked(choose(nodes, { cached, loads: { warm: { requests: 1, uncachedTokens } } }, long));
  expect(warmWith(0)).toBe("warm prefix");
  expect(warmWith(9_000)).toBe("warm prefix");
  expect(warmWith(10_500)).toBe("other least-loaded");
});

test("where all are equally late, the cache still decides", () => {
  const late = { requests: 4, uncachedTokens: 60_000 };
  const cached = { warm: 6_000 };
  const nodes = [at("other"), at("warm")];
  expect(picked(choose(nodes, { cached, loads: { warm: late, other: late } }, request({ promptTokens: 6_500 })))).toBe(
    "warm prefix",
  );
});

test("a short common beginning is not worth a long wait", () => {
  const loads = { warm: { requests: 1, uncachedTokens: 4_000 } };
  const setting = { cached: { warm: 300 }, loads };
  expect(picked(choose([at("warm"), at("other")], setting, request({ promptTokens: 400 })))).toBe("other least-loaded");
});

test("waiting is counted in tokens and speed, not in requests: one long context outweighs three short ones", () => {
  const loads = { few: { requests: 1, uncachedTokens: 100_000 }, many: { requests: 3, uncachedTokens: 300 } };
  expect(picked(choose([at("few"), at("many")], { loads }))).toBe("many least-loaded");
  const equal = { requests: 1, uncachedTokens: 10_000 };
  expect(picked(choose([at("slow", 500), at("fast", 5_000)], { loads: { slow: equal, fast: equal } }))).toBe(
    "fast least-loaded",
  );
});

test("requests of others count where the node tells of them", () => {
  const loads = { a: { foreignRequests: 3 } };
  expect(picked(choose([at("a"), at("b")], { loads }))).toBe("b least-loaded");
  expect(picked(choose([at("a"), at("b")], { loads, policy: "least-busy" }))).toBe("b least-busy");
});

test("a session stays where it was, until that node is far behind, full or gone", () => {
  const nodes = [at("a"), at("b")];
  expect(picked(choose(nodes, { sessionNode: "b", cached: { a: 900 } }))).toBe("b session");
  expect(picked(choose(nodes, { sessionNode: "b", policy: "round-robin" }))).toBe("b session");
  const behind = { b: { requests: 1, uncachedTokens: 11_000 } };
  expect(picked(choose(nodes, { sessionNode: "b", loads: behind }))).toBe("a least-loaded");
  expect(picked(choose(nodes, { sessionNode: "b", loads: { b: { requests: 12 } } }))).toBe("a least-loaded");
  const allLate = { a: { requests: 1, uncachedTokens: 30_000 }, b: { requests: 1, uncachedTokens: 35_000 } };
  expect(picked(choose(nodes, { sessionNode: "b", loads: allLate }))).toBe("b session");
  expect(picked(choose([at("a"), at("c")], { sessionNode: "b", cached: { a: 900 } }))).toBe("a prefix");
});

test("nothing known: one of two random nodes, each in its turn", () => {
  const nodes = ["a", "b", "c", "d"].map((id) => nodeState(id));
  const chosen = [0.1, 0.3, 0.6, 0.9].map((number) => picked(choose(nodes, { random: () => number })));
  expect(chosen).toEqual(["a two-choices", "b two-choices", "c two-choices", "d two-choices"]);
});

test("exploring prefers what was never measured", () => {
  const random = () => 0.005;
  expect(picked(choose([at("a"), at("b"), nodeState("new")], { random }))).toBe("new explore");
  expect(picked(choose([at("a"), at("b")], { random }))).toBe("a explore");
});

test("an unmeasured node is taken to be as fast as its peers", () => {
  const loads = { a: { requests: 1, uncachedTokens: 2_000 }, b: { requests: 1, uncachedTokens: 2_000 } };
  expect(picked(choose([at("a", 100), at("b", 100), nodeState("new")], { loads }))).toBe("new least-loaded");
});

test("round-robin goes on, whatever happens; least-busy counts slots", () => {
  const nodes = [at("a"), at("b"), at("c")];
  const turns = [0, 1, 2, 3].map((cursor) => picked(choose(nodes, { cursor, policy: "round-robin" })));
  expect(turns).toEqual(["a round-robin", "b round-robin", "c round-robin", "a round-robin"]);
  const big = nodeState("big", [{ slots: 16 }]);
  const loads = { a: { requests: 2 }, big: { requests: 4 } };
  expect(picked(choose([at("a"), big], { policy: "least-busy", loads }))).toBe("big least-busy");
});

test("the choice tells what is left to evaluate", () => {
  const choice = choose([at("a"), at("b")], { cached: { a: 900 } });
  expect(choice).toMatchObject({ kind: "node", uncachedTokens: 100 });
});

test("the same question in the same world has the same answer", () => {
  const nodes = ["a", "b", "c"].map((id) => at(id));
  const setting = { loads: { a: { requests: 2, uncachedTokens: 50 } }, cached: { b: 500 } };
  expect(choose(nodes, setting)).toEqual(choose(nodes, setting));
});
