import { expect, test } from "bun:test";
import {
  afterEvent,
  type Health,
  type HealthEvent,
  newHealth,
  nextProbeMs,
  statusOf,
} from "../../src/router/cluster/health.ts";

const after = (...events: HealthEvent[]): Health =>
  events.reduce<Health>((health, event) => afterEvent(health, event as never), newHealth);
const unreachable: HealthEvent = { type: "unreachable", reason: "it refuses connections" };
const probed: HealthEvent = { type: "probed" };
const reported: HealthEvent = { type: "reported" };
const answered: HealthEvent = { type: "answered" };
const faulted: HealthEvent = { type: "faulted" };
const late: HealthEvent = { type: "silent", silence: "late" };
const lost: HealthEvent = { type: "silent", silence: "lost" };

test.each<[string, HealthEvent[], string, string]>([
  ["never asked", [], "offline", "it has not been reached yet"],
  ["never reached", [unreachable], "offline", "it refuses connections"],
  ["well", [probed], "online", ""],
  ["one failure", [probed, unreachable], "degraded", "it refuses connections"],
  ["one failure, then an answer", [probed, unreachable, answered], "online", ""],
  ["three failures", [probed, unreachable, unreachable, unreachable], "offline", "it refuses connections"],
  ["three failures, then an old answer ends", [probed, unreachable, unreachable, unreachable, answered], "offline", ""],
  ["three failures, then a probe", [probed, unreachable, unreachable, unreachable, probed], "online", ""],
  ["three failures, then a report", [probed, unreachable, unreachable, unreachable, reported], "offline", ""],
  ["two errors", [probed, faulted, faulted], "online", ""],
  ["three errors", [probed, faulted, faulted, faulted], "degraded", "its last 3 answers were errors"],
  ["three errors, then an answer", [probed, faulted, faulted, faulted, answered], "online", ""],
  ["late reports", [reported, late], "degraded", "it has sent no report for 15 s"],
  ["lost reports", [reported, late, lost], "offline", "it has sent no report for 30 s"],
  ["reports again", [reported, late, lost, reported], "online", ""],
  ["a broken stream", [reported, { type: "stream-ended" }], "degraded", "its reports ended without a goodbye"],
])("%s", (_name, events, status, reason) => {
  const told = statusOf(after(...events), { draining: false });
  expect(told.status).toBe(status as never);
  if (reason) expect(told.reason).toBe(reason);
});

test("draining hides trouble, not death; a node's own trouble is told last", () => {
  expect(statusOf(after(probed, unreachable), { draining: true })).toEqual({ status: "draining" });
  expect(statusOf(after(probed, unreachable, unreachable, unreachable), { draining: true }).status).toBe("offline");
  const trouble = "it is loading its model";
  expect(statusOf(after(probed), { draining: false, trouble })).toEqual({ status: "degraded", reason: trouble });
});

test("probes come every 10 s, after failures sooner and then less and less often, never all at once", () => {
  expect([0, 1, 2, 3, 6, 60].map((failures) => nextProbeMs(failures, 0.5))).toEqual([
    10_000, 1_000, 2_000, 4_000, 30_000, 30_000,
  ]);
  expect([nextProbeMs(0, 0), nextProbeMs(0, 1)]).toEqual([8_000, 12_000]);
});
