import { expect, test } from "bun:test";
import { nodeState, seededRandom } from "../../../scripts/fixtures/node-states.ts";
import { hashPrompt } from "../../../src/core/prompt-prefix.ts";
import { createChooser } from "../../../src/router/choice/chooser.ts";
import { choiceLimits } from "../../../src/router/choice/limits.ts";
import { createPlacement, type Place } from "../../../src/router/proxy/placement.ts";
import { manualClock } from "../../fakes/manual-clock.ts";

const words = (count: number, seed: string) => Array.from({ length: count }, (_, index) => `${seed}${index} `).join("");
const asked = (text: string, model = "m") => ({ model, ...hashPrompt([text]), excluded: new Set<string>() });
const idle = new AbortController().signal;

/** Nodes that take one request for each model, and the router's own choice. */
const setUp = (...ids: string[]) => {
  const clock = manualClock();
  const nodes = ids.map((id) =>
    nodeState(id, [
      { name: "m", slots: 1, promptTokensPerSecond: 1_000 },
      { name: "k", slots: 1 },
    ]),
  );
  const limits = { ...choiceLimits, explore: 0, waitingPerSlot: 0 };
  const chooser = createChooser({ cluster: { nodes: () => nodes }, clock, limits, random: seededRandom(1) });
  const line = { limit: 1_000, limitPerTenant: 1_000, waitMs: 60_000 };
  const placement = createPlacement({ chooser, refresh: async () => undefined, clock, ...line });
  const served: string[] = [];
  const places = new Map<string, Place>();
  return {
    served,
    /** Resolves when it is placed, or waits. */
    ask: async (name: string, text: string, { tenant = "key", model = "m" } = {}) => {
      const waiting = placement.waiting;
      let placed = false;
      void placement.place(asked(text, model), tenant, idle).then((place) => {
        placed = true;
        served.push(`${name} at ${place.choice.node.id}`);
        places.set(name, place);
      });
      while (!placed && placement.waiting === waiting) await Promise.resolve();
    },
    end: async (name: string) => {
      places.get(name)?.lease.firstByte();
      places.get(name)?.lease.end();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
};

test("a place that came free goes to the request whose prompt is cached there", async () => {
  const { ask, end, served } = setUp("n1", "n2");
  const chats = { one: words(2_000, "a"), other: words(2_000, "b") };
  await ask("one", chats.one);
  await ask("other", chats.other);
  const at = (name: string) => served.find((text) => text.startsWith(`${name} `))?.slice(-2);
  await ask("stranger", words(2_000, "c"));
  await ask("other again", chats.other + words(50, "d"));
  await ask("one again", chats.one + words(50, "d"));
  await end("one");
  expect(served.at(-1)).toBe(`one again at ${at("one")}`);
  await end("other");
  expect(served.at(-1)).toBe(`other again at ${at("other")}`);
  await end("one again");
  expect(served.at(-1)).toBe(`stranger at ${at("one")}`);
});

test("whose key is next is passed over a few times, not again and again", async () => {
  const { ask, end, served } = setUp("n1");
  const chat = words(2_000, "a");
  await ask("0", chat);
  await ask("stranger", words(2_000, "c"), { tenant: "modest" });
  for (let turn = 1; turn <= 30; turn++) await ask(String(turn), chat + words(turn, "d"), { tenant: "greedy" });
  for (let turn = 0; turn < 17; turn++) await end(String(turn));
  expect(served.map((text) => text.split(" ")[0])).toEqual([
    ...Array.from({ length: 17 }, (_, turn) => String(turn)),
    "stranger",
  ]);
});

test("many who wait for one model do not hide who waits for another", async () => {
  const { ask, end, served } = setUp("n1");
  await ask("m", "x");
  await ask("k", "x", { model: "k" });
  for (let turn = 0; turn < 100; turn++) await ask(`m ${turn}`, "x");
  await ask("k again", "x", { model: "k" });
  await end("k");
  expect(served.at(-1)).toBe("k again at n1");
});
