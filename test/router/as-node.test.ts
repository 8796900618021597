import { expect, test } from "bun:test";
import { nodeState } from "../../scripts/fixtures/node-states.ts";
import { llmlbReading } from "../../src/router/cluster/llmlb-reading.ts";
import { reportAsNode } from "../../src/router/routes/as-node.ts";

test("a router is a node with the loaded models of all nodes, and is read as one", () => {
  const nodes = [
    nodeState("n1", [{ name: "a", slots: 4, busySlots: 1, promptTokensPerSecond: 100 }], {
      reading: { models: [], availableBytes: 5e9 },
    }),
    nodeState("n2", [
      { name: "a", slots: 8, queued: 3, promptTokensPerSecond: 300, contextTokens: 4096 },
      { name: "b", loaded: false },
    ]),
    nodeState("n3", [{ name: "c" }], { status: "offline" }),
    nodeState("n4", [{ name: "d" }], { status: "draining" }),
  ];
  const report = reportAsNode(nodes);
  const reading = llmlbReading({ ...report }, [{ name: "a" }, { name: "b" }]);
  expect(reading.availableBytes).toBe(5e9);
  expect(reading.models).toEqual([
    {
      name: "a",
      loaded: true,
      slots: 12,
      busySlots: 1,
      queued: 3,
      promptTokensPerSecond: 300,
      contextTokens: 4096,
    },
    { name: "b", loaded: false },
  ]);
});
