import { expect, test } from "bun:test";
import { nodeState, seededRandom } from "../../../scripts/fixtures/node-states.ts";
import { hashPrompt } from "../../../src/core/prompt-prefix.ts";
import { type ChooserOptions, createChooser, type Lease } from "../../../src/router/choice/chooser.ts";
import { choiceLimits } from "../../../src/router/choice/limits.ts";
import type { ChoiceRequest, NodeState } from "../../../src/router/types.ts";
import { manualClock } from "../../fakes/manual-clock.ts";

const words = (count: number, seed: string) => Array.from({ length: count }, (_, index) => `${seed}${index} `).join("");
const asked = (text: string, rest: Partial<ChoiceRequest> = {}): ChoiceRequest => ({
  model: "m",
  ...hashPrompt([text]),
  excluded: new Set(),
  ...rest,
});
const measured = (id: string, promptTokensPerSecond = 1_000) => nodeState(id, [{ promptTokensPerSecond }]);

const setUp = (nodes: NodeState[], options: Partial<ChooserOptions> = {}) => {
  const clock = manualClock();
  const state = { nodes: nodes as readonly NodeState[], clock };
  const limits = { ...choiceLimits, explore: 0 };
  const cluster = { nodes: () => state.nodes };
  const chooser = createChooser({ cluster, clock, random: seededRandom(3), limits, ...options });
  const send = (request: ChoiceRequest): { id: string; reason: string; lease: Lease } => {
    const choice = chooser.choose(request);
    if (choice.kind !== "node") throw new Error(choice.kind);
    return { id: choice.node.id, reason: choice.reason, lease: chooser.begin(choice, request) };
  };
  const finish = (request: ChoiceRequest, cachedTokens?: number) => {
    const sent = send(request);
    sent.lease.firstByte();
    sent.lease.end(cachedTokens);
    return sent;
  };
  return { chooser, state, send, finish };
};

const fleet = (count = 8) => Array.from({ length: count }, (_, index) => measured(`n${index}`));

test("a chat comes back to its node; a request in flight is already known", () => {
  const { finish, send } = setUp(fleet());
  const first = words(3_000, "a");
  const { id } = finish(asked(first));
  expect(finish(asked(first + words(300, "b")))).toMatchObject({ id, reason: "prefix" });
  const other = words(3_000, "c");
  const running = send(asked(other));
  expect(send(asked(other))).toMatchObject({ id: running.id, reason: "prefix" });
});

test("what a lease holds is given back once, whole or not", () => {
  const { chooser, send } = setUp([measured("n0")]);
  const request = asked(words(3_000, "a"));
  const one = send(request).lease;
  const other = send(asked(words(900, "b"))).lease;
  expect(chooser.load("n0")).toMatchObject({ requests: 2 });
  expect(chooser.load("n0").uncachedTokens).toBeGreaterThan(request.promptTokens);
  one.firstByte();
  one.firstByte();
  expect(chooser.load("n0").uncachedTokens).toBeLessThan(request.promptTokens);
  one.end();
  one.end();
  other[Symbol.dispose]();
  expect(chooser.load("n0")).toMatchObject({ requests: 0, uncachedTokens: 0 });
  expect([...(chooser.load("n0").byModel ?? [])]).toEqual([]);
});

test("a node that failed before its first byte is not taken to know the prompt", () => {
  const { chooser, send } = setUp(fleet(2));
  send(asked(words(3_000, "a"))).lease.end();
  expect(chooser.prefixMarks).toBe(0);
});

test("sessions stay together, also with prompts that have nothing in common", () => {
  const { finish } = setUp(fleet());
  const nodes = Array.from({ length: 10 }, (_, turn) => finish(asked(words(400, `${turn}x`), { session: "s" })).id);
  expect(new Set(nodes).size).toBe(1);
  expect(finish(asked("hi", { session: "s" })).reason).toBe("session");
});

test("an unloaded model and a node that left are forgotten; one that is loading is not", () => {
  const { chooser, state, finish, send } = setUp(fleet(2));
  const { id } = finish(asked(words(3_000, "a")));
  const unloaded = (node: NodeState) => nodeState(node.id, [{ loaded: false }]);
  const { lease } = send(asked(words(3_000, "a")));
  state.nodes = state.nodes.map((node) => (node.id === id ? unloaded(node) : node));
  chooser.places("m");
  expect(chooser.prefixMarks).toBeGreaterThan(0);
  lease.end();
  state.nodes = state.nodes.map((node) => (node.id === id ? unloaded(node) : node));
  chooser.places("m");
  expect(chooser.prefixMarks).toBe(0);
  const again = finish(asked(words(3_000, "a"))).id;
  state.nodes = state.nodes.filter((node) => node.id !== again);
  chooser.places("m");
  expect(chooser.prefixMarks).toBe(0);
});

test("requests of others are what a node tells beyond our own", () => {
  const { chooser, state, send } = setUp([measured("n0")]);
  send(asked("hi"));
  state.nodes = [nodeState("n0", [{ busySlots: 3, queued: 2 }])];
  chooser.places("m");
  expect(chooser.load("n0")).toMatchObject({ requests: 1, foreignRequests: 4 });
  state.nodes = [nodeState("n0", [{ busySlots: 1 }])];
  chooser.places("m");
  expect(chooser.load("n0").foreignRequests).toBe(0);
});

// What other routers are known to suffer from.

test("no death spiral: a burst of new prompts spreads, whoever knows fewest prompts", () => {
  const { chooser, send, finish } = setUp(fleet(4));
  for (let index = 0; index < 40; index++) finish(asked(words(500, `w${index}x`)));
  const leases = Array.from({ length: 16 }, (_, index) => send(asked(words(3_000, `new${index}x`))));
  expect(["n0", "n1", "n2", "n3"].map((id) => chooser.load(id).requests)).toEqual([4, 4, 4, 4]);
  for (const { lease } of leases) lease.end();
});

test("no dead affine worker: a warm node that was tried, went offline or fails gets nothing", () => {
  const { state, finish } = setUp(fleet(3));
  const text = words(3_000, "a");
  const { id } = finish(asked(text));
  expect(finish(asked(text, { excluded: new Set([id]) })).id).not.toBe(id);
  for (const status of ["offline", "draining", "degraded"] as const) {
    state.nodes = state.nodes.map((node) => (node.id === id ? { ...node, status } : node));
    expect(finish(asked(text, { session: "s" })).id).not.toBe(id);
  }
});

test("no starving of a node that was never measured", () => {
  const nodes = [...fleet(4), nodeState("new")];
  const { chooser, send } = setUp(nodes);
  for (let index = 0; index < 15; index++) send(asked(words(1_000, `w${index}x`)));
  expect(chooser.load("new").requests).toBeGreaterThanOrEqual(2);
});

test("no feast for the fastest: short prompts, long answers, and each node has its share", () => {
  const nodes = [measured("fast", 10_000), ...fleet(4)];
  const { chooser, send } = setUp(nodes);
  for (let index = 0; index < 20; index++) send(asked("hi")).lease.firstByte();
  expect(chooser.load("fast").requests).toBeLessThanOrEqual(5);
});

test("no blindness to long contexts: one of 100,000 tokens keeps short ones away", () => {
  const { send } = setUp(fleet(2));
  const long = send(asked(words(60_000, "w")));
  const short = Array.from({ length: 4 }, (_, index) => send(asked(words(400, `s${index}x`))).id);
  expect(short).not.toContain(long.id);
});

test("no end of locality where everything is busy", () => {
  const { send, finish } = setUp(fleet(4), { limits: { ...choiceLimits, explore: 0, waitingPerSlot: 50 } });
  const chats = Array.from({ length: 4 }, (_, index) => words(3_000, `c${index}x`));
  const homes = chats.map((text) => finish(asked(text)).id);
  for (let index = 0; index < 60; index++) send(asked(words(2_000, `load${index}x`)));
  const later = chats.map((text) => finish(asked(text)));
  expect(later.map(({ id }) => id)).toEqual(homes);
});

test("a popular beginning that fills its node is taken up by others, which then know it", () => {
  const { send } = setUp(fleet(4));
  const system = words(3_000, "s");
  const used = Array.from({ length: 24 }, (_, index) => send(asked(system + words(800, `u${index}x`))).id);
  expect(new Set(used).size).toBeGreaterThan(1);
});
