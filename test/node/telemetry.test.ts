import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/config.ts";
import { prefixForm } from "../../src/core/prompt-prefix.ts";
import type { RunningModel } from "../../src/engine/types.ts";
import type { NodeDeps } from "../../src/node/deps.ts";
import { createTelemetry } from "../../src/node/join/telemetry.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const clock = manualClock();
const stored = (name: string) => ({ name, aliases: [], sizeBytes: 7, manifest: undefined });

const setUp = () => {
  const world = { running: [] as Partial<RunningModel>[], models: [stored("org/one")] };
  const deps = {
    config: loadConfig({ HOME: "/nowhere" }),
    engine: { running: () => world.running, loading: () => [] },
    store: { list: () => world.models, dir: "/" },
    machine: fakeMachine(() => {
      throw new Error("nothing is loaded here");
    }),
    clock,
    startedAtMs: clock.now(),
    routerKey: "router-key",
  } as unknown as NodeDeps;
  return { world, telemetry: createTelemetry(deps) };
};

const loaded = (rest: Partial<RunningModel> = {}): Partial<RunningModel> => ({
  ...{ id: "a", name: "org/one", pid: 1, users: 1, expiresAtMs: 1, stats: undefined },
  model: { slots: 4, capabilities: {} } as never,
  held: { generation: 0, marks: [], whole: true },
  ...rest,
});

test("reports come every 5 s and when a model gets work; the stored models only when they are others", async () => {
  const { world, telemetry } = setUp();
  const first = telemetry.next();
  expect(first).toMatchObject({ key: "router-key", report: { models: [] } });
  expect(first?.stored?.map(({ name, size }) => [name, size])).toEqual([["org/one", 7]]);
  expect(telemetry.next()).toBeUndefined();

  world.running = [loaded()];
  const second = telemetry.next();
  expect(Object.keys(second ?? {})).toEqual(["report"]);
  expect(second?.report?.models).toMatchObject([{ name: "org/one", busy_slots: 1, queued: 0 }]);
  expect(telemetry.next()).toBeUndefined();

  world.models = [...world.models, stored("org/two")];
  await clock.advance(4_999);
  expect(telemetry.next()).toBeUndefined();
  await clock.advance(1);
  expect(telemetry.next()?.stored).toHaveLength(2);
});

test("what a runner holds is told when it is other than before, every 5 s at the most", async () => {
  const { world, telemetry } = setUp();
  telemetry.next();
  const held = (generation: number, ...marks: bigint[]) => ({ held: { generation, marks, whole: true } });
  world.running = [loaded(held(1, 1n, 2n ** 63n))];
  expect(telemetry.next()?.prompts).toBeUndefined(); // a model was loaded, which is told at once
  const after = async (ms: number) => {
    await clock.advance(ms);
    return telemetry.next()?.prompts;
  };
  expect(await after(5_000)).toEqual([
    { model: "org/one", pid: 1, generation: 1, form: prefixForm, whole: true, marks: "AQAAAAAAAAAAAAAAAAAAgA==" },
  ]);
  expect(await after(5_000)).toBeUndefined();
  world.running = [loaded(held(2)), loaded({ ...held(1, 7n), id: "b", name: "org/two", pid: 2 })];
  expect((await after(5_000))?.map(({ pid, generation }) => [pid, generation])).toEqual([
    [1, 2],
    [2, 1],
  ]);
  world.running = [loaded({ ...held(2), pid: 3 })]; // another runner, whatever its generation
  expect((await after(5_000))?.map(({ pid }) => pid)).toEqual([3]);
});
