import { expect, test } from "bun:test";
import { nodeState } from "../../../scripts/fixtures/node-states.ts";
import { createChooser } from "../../../src/router/choice/chooser.ts";
import { createNamedChooser } from "../../../src/router/choice/named-chooser.ts";
import { parseNames } from "../../../src/router/names-file.ts";
import type { ChoiceRequest, NodeState } from "../../../src/router/types.ts";
import { manualClock } from "../../fakes/manual-clock.ts";

const asked = (model: string): ChoiceRequest => ({ model, prefix: [], promptTokens: 10, excluded: new Set() });

const setUp = (nodes: readonly NodeState[], toml: string) => {
  const chooser = createChooser({ cluster: { nodes: () => nodes }, clock: manualClock() });
  const names = parseNames(toml);
  return { chooser, named: createNamedChooser(chooser, () => names) };
};

test("an alias is the model that it stands for, and is booked as that", () => {
  const { chooser, named } = setUp([nodeState("n1", [{ name: "org/big" }])], '[aliases]\n"gpt-4o" = "org/big"');
  const choice = named.choose(asked("GPT-4o"));
  if (choice.kind !== "node") throw new Error(choice.kind);
  expect(choice.model.name).toBe("org/big");
  const lease = named.begin(choice, asked("GPT-4o"));
  expect([...(chooser.load("n1").byModel?.keys() ?? [])]).toEqual(["org/big"]);
  lease.end();
  expect(named.choose(asked("gpt-3")).kind).toBe("unknown-model");
});

test("a fallback answers where no node can serve the model, and only there", () => {
  const toml = '[fallbacks]\n"org/big" = ["org/none", "org/small"]';
  const [big, small] = [nodeState("n1", [{ name: "org/big" }]), nodeState("n2", [{ name: "org/small" }])];
  const chosen = (nodes: readonly NodeState[]) => {
    const choice = setUp(nodes, toml).named.choose(asked("org/big"));
    return choice.kind === "node" ? choice.model.name : choice.kind;
  };
  expect(chosen([big, small])).toBe("org/big");
  expect(chosen([{ ...big, status: "offline" }, small])).toBe("org/small");
  expect(chosen([small])).toBe("org/small");
  expect(chosen([{ ...big, status: "offline" }])).toBe("unavailable");
  expect(chosen([])).toBe("unknown-model");
});
