import { expect, test } from "bun:test";
import { simulateFleet } from "../../../scripts/bench/fleet.ts";

test("on a busy fleet the first token comes in half the time and less, against round-robin and least-busy", () => {
  const prefix = simulateFleet("prefix", 8);
  for (const policy of ["round-robin", "least-busy"] as const) {
    const other = simulateFleet(policy, 8);
    expect(prefix.p50).toBeLessThan(other.p50 / 2);
    expect(prefix.p90).toBeLessThan(other.p90 / 2);
    expect(prefix.wholeP90).toBeLessThan(other.wholeP90);
    expect(prefix.hitRate).toBeGreaterThan(other.hitRate + 0.15);
  }
});

test("a fleet with more to do than it can keeps its caches", () => {
  const prefix = simulateFleet("prefix", 20);
  expect(prefix.hitRate).toBeGreaterThan(0.9);
  expect(prefix.answered).toBeGreaterThan(simulateFleet("least-busy", 20).answered);
});
