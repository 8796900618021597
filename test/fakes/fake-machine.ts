import type { Machine } from "../../src/engine/machine.ts";
import type { EngineRunner } from "../../src/engine/types.ts";

/** A machine with a CPU alone, whose runners the test makes. */
export const fakeMachine = (startRunner: () => EngineRunner): Machine => {
  const cpu = { name: "CPU", description: "Test CPU", kind: "cpu" as const, totalBytes: 16e9, freeBytes: 8e9 };
  const refused = [{ backend: "cuda" as const, reason: "its libraries are not installed" }];
  return {
    detected: async () => ({ backend: "cpu", nativeDir: "/nowhere", devices: [cpu], refused }),
    report: () => ({ backend: "cpu", refused, devices: [{ ...cpu, used: true }] }),
    gpuMemory: () => undefined,
    startRunner: async () => startRunner(),
    close: async () => undefined,
  };
};
