import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/config.ts";
import type { RunningModel } from "../../src/engine/types.ts";
import type { NodeDeps } from "../../src/node/deps.ts";
import { createTelemetry } from "../../src/node/join/telemetry.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const clock = manualClock();
const stored = (name: string) => ({ name, aliases: [], sizeBytes: 7, manifest: undefined });

test("reports come every 5 s and when a model gets work; the stored models only when they are others", async () => {
  let running: Partial<RunningModel>[] = [];
  let models = [stored("org/one")];
  const deps = {
    config: loadConfig({ HOME: "/nowhere" }),
    engine: { running: () => running, loading: () => [] },
    store: { list: () => models },
    machine: fakeMachine(() => {
      throw new Error("nothing is loaded here");
    }),
    clock,
    startedAtMs: clock.now(),
    routerKey: "router-key",
  } as unknown as NodeDeps;
  const telemetry = createTelemetry(deps);
  const first = telemetry.next();
  expect(first).toMatchObject({ key: "router-key", report: { models: [] } });
  expect(first?.stored?.map(({ name, size }) => [name, size])).toEqual([["org/one", 7]]);
  expect(telemetry.next()).toBeUndefined();

  running = [
    {
      id: "a",
      name: "org/one",
      users: 1,
      model: { slots: 4, capabilities: {} } as never,
      expiresAtMs: 1,
      stats: undefined,
    },
  ];
  const second = telemetry.next();
  expect(Object.keys(second ?? {})).toEqual(["report"]);
  expect(second?.report?.models).toMatchObject([{ name: "org/one", busy_slots: 1, queued: 0 }]);
  expect(telemetry.next()).toBeUndefined();

  models = [...models, stored("org/two")];
  await clock.advance(4_999);
  expect(telemetry.next()).toBeUndefined();
  await clock.advance(1);
  expect(telemetry.next()?.stored).toHaveLength(2);
});
