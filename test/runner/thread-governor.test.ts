import { expect, test } from "bun:test";
import { createThreadGovernor, type ThreadGovernor } from "../../src/runner/thread-governor.ts";

/** A machine on which the compute threads get `got` cores and `idle` cores have nothing to do, looked at ten times a second. */
const createMachine = (governor: ThreadGovernor) => {
  const now = { nowMs: 0, stepMs: 0, cpuMs: 0, idleMs: 0 };
  return {
    run(ms: number, load: { got: (threads: number) => number; idle: number | undefined }) {
      for (let at = 0; at < ms; at += 100) {
        now.nowMs += 100;
        now.stepMs += 95;
        now.cpuMs += 95 * load.got(governor.threads);
        now.idleMs += 100 * (load.idle ?? 0);
        governor.look({ ...now, idleMs: load.idle === undefined ? undefined : now.idleMs });
      }
      return governor.threads;
    },
  };
};

/** `cores` cores, of which others keep `busy`. */
const shared = (cores: number, busy: number) => ({
  got: (threads: number) => Math.min(threads, (cores * threads) / (threads + busy), Math.max(1, cores - busy / 2)),
  idle: 0,
});
const alone = (cores: number) => ({ got: (threads: number) => threads - 0.05, idle: cores });

test("all threads compute while they get their cores", () => {
  const governor = createThreadGovernor(8);
  expect(createMachine(governor).run(5_000, alone(0))).toBe(8);
});

test("a thread that shares its core is given up with the first look that shows it", () => {
  const governor = createThreadGovernor(2);
  const machine = createMachine(governor);
  machine.run(300, alone(0));
  expect(machine.run(100, { got: () => 1.4, idle: 0 })).toBe(1);
});

test("as many are given up as there are cores missing", () => {
  const governor = createThreadGovernor(16);
  const machine = createMachine(governor);
  machine.run(300, alone(0));
  expect(machine.run(100, { got: () => 4.1, idle: 0 })).toBe(4);
});

test("one thread always stays", () => {
  const governor = createThreadGovernor(4);
  const machine = createMachine(governor);
  machine.run(100, alone(0));
  expect(machine.run(2_000, { got: () => 0.2, idle: 0 })).toBe(1);
});

test("threads come back when cores are idle, all at once, and not while they are busy", () => {
  const governor = createThreadGovernor(8);
  const machine = createMachine(governor);
  machine.run(200, alone(0));
  machine.run(100, { got: () => 2, idle: 0 });
  expect(machine.run(10_000, { got: (threads) => threads, idle: 0.5 })).toBe(2);
  expect(machine.run(300, { got: (threads) => threads, idle: 6 })).toBe(8);
});

test("where nobody tells what is idle, one more is tried, more and more seldom while that fails", () => {
  const governor = createThreadGovernor(2);
  const machine = createMachine(governor);
  const blind = { ...shared(2, 1), idle: undefined };
  let tries = 0;
  for (let second = 0; second < 120; second++) {
    for (let at = 0; at < 10; at++) {
      const before = governor.threads;
      if (machine.run(100, blind) > before) tries++;
    }
  }
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(12);
});

test("steps that are too short to say anything change nothing", () => {
  const governor = createThreadGovernor(2);
  for (let at = 0; at < 100; at++)
    expect(governor.look({ nowMs: at * 100, stepMs: at * 0.4, cpuMs: 0, idleMs: 0 })).toBe(false);
  expect(governor.threads).toBe(2);
});
