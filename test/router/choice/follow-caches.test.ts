import { expect, test } from "bun:test";
import { nodeState } from "../../../scripts/fixtures/node-states.ts";
import { hashPrompt } from "../../../src/core/prompt-prefix.ts";
import { createChooser } from "../../../src/router/choice/chooser.ts";
import { choiceLimits } from "../../../src/router/choice/limits.ts";
import { createPrefixIndex } from "../../../src/router/choice/prefix-index.ts";
import type { ModelReading, NodeState } from "../../../src/router/types.ts";
import { manualClock } from "../../fakes/manual-clock.ts";

const words = (count: number, seed: string) => Array.from({ length: count }, (_, index) => `${seed}${index} `).join("");
const long = hashPrompt([words(2_000, "a")]);
const other = hashPrompt([words(2_000, "b")]);
const node = (id: string, rest: Partial<ModelReading> = {}): NodeState =>
  nodeState(id, [{ promptTokensPerSecond: 1_000, process: 1, ...rest }]);
let generation = 0;
const holding = (marks: readonly bigint[]) => ({ held: { generation: ++generation, marks, whole: true } });

/** What the chooser takes nodes to have in their caches, by where a prompt goes and how much of it is left to evaluate. */
const setUp = (...nodes: NodeState[]) => {
  const clock = manualClock();
  let world = nodes;
  const chooser = createChooser({
    ...{ cluster: { nodes: () => world }, clock, random: () => 0.5 },
    limits: { ...choiceLimits, explore: 0 },
  });
  const choose = (prompt: typeof long) => {
    const request = { model: "m", ...prompt, excluded: new Set<string>() };
    const choice = chooser.choose(request);
    if (choice.kind !== "node") throw new Error(choice.kind);
    return { ...choice, id: choice.node.id, lease: () => chooser.begin(choice, request) };
  };
  return {
    choose,
    clock,
    tell: (...told: NodeState[]) => {
      world = world.map((one) => {
        const news = told.find(({ id }) => id === one.id);
        return news ? { ...news, lastSeenMs: clock.now() } : one;
      });
    },
    answer: (prompt: typeof long) => {
      const sent = choose(prompt);
      const lease = sent.lease();
      lease.firstByte();
      lease.end();
      return sent.id;
    },
  };
};

test("what others had a node evaluate is known when it tells", () => {
  const { choose, tell } = setUp(node("n1"), node("n2"), node("n3"));
  expect(choose(long).reason).not.toBe("prefix");
  tell(node("n2", holding(long.prefix)));
  expect(choose(long)).toMatchObject({ id: "n2", reason: "prefix" });
  expect(choose(long).uncachedTokens).toBeLessThan(100);
});

test("what a node has let go is not looked for there, but for what it cannot know yet", async () => {
  const { choose, tell, answer, clock } = setUp(node("n1"), node("n2"));
  const home = answer(long);
  tell(node(home, holding(other.prefix)));
  expect(choose(long)).toMatchObject({ id: home, reason: "prefix" }); // asked for within the last seconds
  await clock.advance(10_000);
  tell(node(home, holding(other.prefix)));
  expect(choose(long).reason).not.toBe("prefix");
  expect(choose(other)).toMatchObject({ id: home, reason: "prefix" });
});

test("what a node told and tells no more is gone at once", () => {
  const { choose, tell } = setUp(node("n1"), node("n2"));
  tell(node("n1", holding(long.prefix)));
  expect(choose(long).reason).toBe("prefix");
  tell(node("n1", holding(other.prefix)));
  expect(choose(long).reason).not.toBe("prefix");
});

test("of two reports the newer counts, whichever comes first", () => {
  const { choose, tell } = setUp(node("n1"), node("n2"));
  const older = node("n1", holding([]));
  tell(node("n1", holding(long.prefix)));
  expect(choose(long)).toMatchObject({ id: "n1", reason: "prefix" });
  tell(older);
  expect(choose(long)).toMatchObject({ id: "n1", reason: "prefix" });
});

test("a node that holds more than it tells keeps what was guessed", async () => {
  const { choose, tell, answer, clock } = setUp(node("n1"), node("n2"));
  const home = answer(long);
  await clock.advance(10_000);
  tell(node(home, { held: { generation: ++generation, marks: other.prefix, whole: false } }));
  expect(choose(long)).toMatchObject({ id: home, reason: "prefix" });
});

test("another process has nothing of the one before, told or guessed; what is under way is its own", async () => {
  const { choose, tell, answer, clock } = setUp(node("n1"), node("n2"));
  tell(node("n1", holding(long.prefix)));
  expect(answer(long)).toBe("n1");
  tell(node("n1", { process: 2 }));
  expect(choose(long).reason).not.toBe("prefix");
  const running = choose(other);
  const lease = running.lease();
  tell(node(running.id, { process: 3 }));
  await clock.advance(1);
  lease.firstByte();
  lease.end();
  expect(choose(other)).toMatchObject({ id: running.id, reason: "prefix" });
});

test("a model that is unloaded is forgotten at once, and known again when it tells", () => {
  const { choose, tell } = setUp(node("n1"), node("n2"));
  tell(node("n1", holding(long.prefix)));
  expect(choose(long).reason).toBe("prefix");
  const unloaded: ModelReading = { name: "m", loaded: false };
  tell(nodeState("n1", [unloaded]));
  expect(choose(long).id).toBe("n2");
  tell(node("n1", { process: 1, held: { generation: ++generation, marks: [], whole: true } }));
  expect(choose(long).reason).not.toBe("prefix");
});

test("what a quiet node holds is not forgotten while it does not say otherwise", async () => {
  const { choose, tell, clock } = setUp(node("n1"), node("n2"));
  const held = holding(long.prefix);
  for (let minutes = 0; minutes < 40; minutes += 4) {
    tell(node("n1", held));
    expect(choose(long)).toMatchObject({ id: "n1", reason: "prefix" });
    await clock.advance(4 * 60_000);
  }
  await clock.advance(20 * 60_000); // it says nothing at all
  expect(choose(long).reason).not.toBe("prefix");
});

test("models with the same prompt are told apart, by the name that the node has", () => {
  const index = createPrefixIndex();
  index.record("n1", "one", long, 0);
  index.record("n2", "two", long, 0);
  expect([...index.match(["one"], long, 0, 0).keys()]).toEqual(["n1"]);
  expect([...index.match(["two", "three"], long, 0, 0).keys()]).toEqual(["n2"]);
  expect(index.match([], long, 0, 0).size).toBe(0);
  index.forget("n1");
  index.forget("n2");
  expect(index.marks).toBe(0);
});

test("replacing costs no more than is held, and nothing stays behind", () => {
  const index = createPrefixIndex();
  index.replace(
    "n1",
    "m",
    { generation: 1, marks: [...long.prefix, ...other.prefix], whole: true },
    { nowMs: 0, untilMs: 0 },
  );
  expect(index.marks).toBe(long.prefix.length + other.prefix.length);
  index.replace("n1", "m", { generation: 2, marks: other.prefix, whole: true }, { nowMs: 9_000, untilMs: 6_000 });
  expect(index.marks).toBe(other.prefix.length);
  index.replace("n1", "m", { generation: 2, marks: [], whole: true }, { nowMs: 18_000, untilMs: 15_000 });
  expect([index.marks, index.modelsOf("n1")]).toEqual([0, []]);
});
