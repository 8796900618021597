import { machineIdleMs } from "./machine-idle.ts";
import type { NativeBridge } from "./native-bridge.ts";
import type { LoadedModel, LoadOptions } from "./protocol.ts";
import { createThreadGovernor } from "./thread-governor.ts";

/** The compute threads of an open model. */
export interface Threads {
  count(): number;
  /** Takes fewer or more where the machine's load says so; often enough that a contended answer is slow for a moment only. */
  adjust(): void;
}

export const adjustThreadsEveryMs = 100;

/** Governed only where the CPU computes and nobody has named a number. */
export const threadsOf = (
  bridge: NativeBridge,
  most: number,
  { threads }: Pick<LoadOptions, "threads">,
  { gpuLayers }: Pick<LoadedModel, "gpuLayers">,
): Threads => {
  const governor = createThreadGovernor(most);
  const governed = threads === undefined && gpuLayers === 0 && most > 1;
  return {
    count: () => governor.threads,
    adjust() {
      if (!governed) return;
      const { promptMs, generationMs, cpuMs } = bridge.stats();
      const reading = { nowMs: performance.now(), stepMs: promptMs + generationMs, cpuMs, idleMs: machineIdleMs() };
      if (governor.look(reading)) bridge.setThreads(governor.threads);
    },
  };
};
