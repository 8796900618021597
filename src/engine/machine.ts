import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { findGpuPack, isPackBackend, packBackends } from "../native/gpu-packs.ts";
import { hiddenCommand } from "../native/hidden-command.ts";
import { resolveNativeDir } from "../native/native-dir.ts";
import type { RunnerHandle } from "../runner/handle.ts";
import type { Backend } from "../runner/protocol.ts";
import { spawnRunner } from "../runner/spawn.ts";
import { readAmd } from "./devices/amd.ts";
import { type Candidate, type Detected, detectBackend } from "./devices/detect-backend.ts";
import { type Nvml, openNvml } from "./devices/nvml.ts";
import { createTelemetry, type DeviceReport, gpuMemory } from "./devices/telemetry.ts";
import { hostMemory } from "./host-memory.ts";
import type { GpuMemory } from "./plan-load.ts";
import type { EngineRunner } from "./types.ts";

/** What this machine computes with. The backend is looked for once, in the background, by processes of its own. */
export interface Machine {
  /** Throws when no backend works, or not the one that was asked for. */
  detected(): Promise<Detected>;
  /** Undefined while the backend is looked for, or when there is none. */
  report(): MachineReport | undefined;
  /** What models can have of the GPUs that are computed on; undefined where there are none, and while they are looked for. */
  gpuMemory(): GpuMemory | undefined;
  /** Starts a runner for the detected backend. Throws like `detected`. */
  startRunner(): Promise<EngineRunner>;
  close(): Promise<void>;
}

export interface MachineReport extends Pick<Detected, "backend" | "refused"> {
  devices: DeviceReport[];
}

export interface MachineOptions {
  config: Config;
  log: Log;
  clock: Clock;
}

const probeTimeoutMs = 60_000; // the first use of a GPU may compile kernels

/** Resolves when the first process that looks for a backend has been started, which comes to life while the node is made. */
export const createMachine = async ({ config, log, clock }: MachineOptions): Promise<Machine> => {
  const gpus = gpuReader();
  const telemetry = createTelemetry({ clock, readGpus: gpus.read, hostMemory });
  let spare: RunnerHandle | undefined;
  const start = (nativeDir: string, loadTimeoutMs: number): RunnerHandle => {
    const command = hiddenCommand("__runner", nativeDir);
    const { environment, stallTimeoutMs } = config;
    return spawnRunner({ command, env: environment, log, loadTimeoutMs, stallTimeoutMs });
  };
  const probe = async (nativeDir: string, gpu: Backend | undefined) => {
    const runner = start(nativeDir, Math.min(probeTimeoutMs, config.loadTimeoutMs));
    try {
      const found = await runner.devices(gpu);
      // It has read the libraries already, so the first model is there sooner. On a GPU it would hold memory meanwhile.
      if (found.backend === "cpu") spare = keep(runner);
      else void runner.exit();
      return found;
    } catch (error) {
      void runner.exit();
      throw error;
    }
  };
  const keep = (runner: RunnerHandle): RunnerHandle => {
    void runner.exited.then(() => {
      if (spare === runner) spare = undefined;
    });
    return runner;
  };
  let found: Detected | undefined;
  const candidates = await candidatesFor(config).catch(toAppError);
  const detect = async (): Promise<Detected> => {
    if (candidates instanceof AppError) throw candidates;
    found = await detectBackend(candidates, probe, log);
    return found;
  };
  const detected = detect();
  detected.catch(() => undefined); // whoever needs it is told
  return {
    detected: () => detected,
    report: () => found && { backend: found.backend, refused: found.refused, devices: telemetry(found.devices) },
    // No driver is asked where it would change nothing: a first look takes milliseconds.
    gpuMemory: () => (found && found.backend !== "cpu" ? gpuMemory(telemetry(found.devices)) : undefined),
    startRunner: async () => {
      const { backend, nativeDir } = await detected;
      // Somebody may have emptied the cache meanwhile.
      const current = async () => (isPackBackend(backend) ? nativeDir : await resolveNativeDir(config.cacheDir));
      const runner = spare ?? start(await current(), config.loadTimeoutMs);
      spare = undefined;
      return runner;
    },
    close: async () => {
      await detected.catch(() => undefined);
      await spare?.exit();
      gpus.close();
    },
  };
};

/** What may be tried, best first: GPU packs, then the libraries that come with llmlb (on a Mac these have Metal). */
const candidatesFor = async ({ cacheDir, gpu }: Pick<Config, "cacheDir" | "gpu">): Promise<Candidate[]> => {
  const packs = packBackends.filter((backend) => gpu === undefined || gpu === backend);
  const candidates = packs.map((backend): Candidate => {
    const nativeDir = findGpuPack(backend, cacheDir);
    return nativeDir ? { backend, nativeDir } : { backend, missing: "its libraries are not installed" };
  });
  if (gpu === "cuda" || gpu === "vulkan") return candidates;
  return [...candidates, { backend: gpu ?? "best", nativeDir: await resolveNativeDir(cacheDir) }];
};

/** NVIDIA's library is opened at the first look, which may take a while: its driver wakes up. */
const gpuReader = () => {
  let nvml: Nvml | undefined;
  let opened = false;
  return {
    read: () => {
      if (!opened) nvml = openNvml();
      opened = true;
      return [...(nvml?.read() ?? []), ...readAmd()];
    },
    close: () => nvml?.close(),
  };
};

/** One line for people: what is computed with, and why not with something better. */
export const describeBackend = ({ backend, devices, refused }: Detected): string => {
  const used = devices.filter(({ kind }) => (backend === "cpu" ? kind === "cpu" : kind !== "cpu"));
  const names = used.map(({ description }) => description).join(", ");
  const reasons = refused.map(({ backend: name, reason }) => `; ${name}: ${reason}`).join("");
  return `computing on ${backend}${names ? ` (${names})` : ""}${reasons}`;
};
