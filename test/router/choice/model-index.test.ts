import { expect, test } from "bun:test";
import { nodeState } from "../../../scripts/fixtures/node-states.ts";
import { createModelIndex } from "../../../src/router/choice/model-index.ts";
import { nodeChanges } from "../../../src/router/choice/node-changes.ts";
import { createSessions } from "../../../src/router/choice/sessions.ts";
import type { NodeState } from "../../../src/router/types.ts";

const createIndex = () => createModelIndex(() => ({ requests: 0, uncachedTokens: 0 }));
const ids = (places: readonly { node: NodeState }[]) => places.map(({ node }) => node.id).join("");

test("a place stands under its node's state", () => {
  const nodes = [
    nodeState("a", [{ promptTokensPerSecond: 100 }]),
    nodeState("b", [{ loaded: false, promptTokensPerSecond: 300 }]),
    nodeState("c", [{}], { status: "degraded" }),
    nodeState("d", [{ promptTokensPerSecond: 9_000 }], { status: "draining" }),
    nodeState("e", [{ name: "other" }]),
  ];
  const { online, degraded, closed, promptTokensPerSecond } = createIndex().find(nodes, "M");
  expect([online.loaded, online.cold, degraded.loaded, degraded.cold, closed].map(ids)).toEqual([
    "a",
    "b",
    "c",
    "",
    "d",
  ]);
  expect(promptTokensPerSecond).toBe(200);
});

test("after a change only the nodes that changed are looked at", () => {
  const looked: string[] = [];
  const watched = (id: string, models = [{}]): NodeState => {
    const node = nodeState(id, models);
    const modelsByName = {
      get(name: string) {
        looked.push(id);
        return node.modelsByName.get(name);
      },
    };
    return { ...node, modelsByName: modelsByName as NodeState["modelsByName"] };
  };
  const index = createIndex();
  const first = ["a", "b", "c"].map((id) => watched(id));
  const places = index.find(first, "m");
  expect(index.find(first, "m")).toBe(places);
  expect(looked.splice(0)).toEqual(["a", "b", "c"]);
  const second = first.with(1, watched("b", [{ loaded: false }]));
  const after = index.find(second, "m");
  expect([ids(after.online.loaded), ids(after.online.cold)]).toEqual(["ac", "b"]);
  expect(looked.splice(0)).toEqual(["b"]);
  expect(ids(index.find(second.slice(1), "m").online.loaded)).toBe("c");
  expect(ids(places.online.loaded)).toBe("abc"); // what was handed out stays as it was
});

test("an old name is right again after many changes, and unknown names do not pile up", () => {
  const index = createIndex();
  let nodes = ["a", "b"].map((id) => nodeState(id));
  index.find(nodes, "m");
  for (let change = 0; change < 1_000; change++) {
    nodes = nodes.with(change % 2, nodeState(change % 2 ? "b" : "a", [{ loaded: change % 3 > 0 }]));
    index.find(nodes, `unknown ${change}`);
  }
  const { online } = index.find(nodes, "m");
  expect([ids(online.loaded), ids(online.cold)]).toEqual(["a", "b"]);
});

test("changes: who told anew, who left, whatever moved", () => {
  const [a, b, c] = ["a", "b", "c"].map((id) => nodeState(id)) as [NodeState, NodeState, NodeState];
  const told = nodeState("b");
  expect(nodeChanges([a, b, c], [a, told, c])).toEqual({ told: [told], gone: [] });
  expect(nodeChanges([a, b, c], [a, { ...b, status: "draining" }, c])).toEqual({ told: [], gone: [] });
  expect(nodeChanges([a, b, c], [b, c])).toEqual({ told: [], gone: [a] });
  expect(nodeChanges([], [a]).told).toEqual([a]);
});

test("sessions are bounded and end", () => {
  const sessions = createSessions(100);
  for (let index = 0; index < 10_000; index++) sessions.note(`s${index}`, "m", "a", 0);
  expect(sessions.size).toBe(100);
  expect(sessions.find("s9999", "M", 1)).toBe("a");
  expect(sessions.find("s9999", "other", 1)).toBeUndefined();
  expect(sessions.find("s1", "m", 1)).toBeUndefined();
  expect(sessions.find("s9999", "m", 2 * 3_600_000)).toBeUndefined();
  sessions.note("late", "m", "b", 2 * 3_600_000);
  expect(sessions.size).toBe(1);
});
