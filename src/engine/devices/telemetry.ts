import type { Clock } from "../../core/clock.ts";
import type { DeviceInfo } from "../../runner/protocol.ts";
import type { HostMemory } from "../host-memory.ts";
import type { GpuMemory } from "../plan-load.ts";

/** What a driver tells of one GPU now. */
export interface DeviceReading {
  description: string;
  /** As llama.cpp names it: `0000:65:00.0`. */
  pciBusId?: string;
  totalBytes?: number;
  freeBytes?: number;
  /** 0 to 1. */
  utilization?: number;
  temperatureCelsius?: number;
}

/** A device as `GET /api/node` shows it. */
export interface DeviceReport extends DeviceInfo, Pick<DeviceReading, "utilization" | "temperatureCelsius"> {
  /** False = the machine has it, but the backend in use does not compute on it. */
  used: boolean;
}

export interface TelemetryOptions {
  clock: Clock;
  /** What the drivers tell; each call may take milliseconds. */
  readGpus(): DeviceReading[];
  hostMemory(): HostMemory;
}

const freshMs = 1000; // people and routers look often, and a driver is not to be asked more often than it changes

/** Joins what llama.cpp found at the start with what the drivers tell now, at most once a second. */
export const createTelemetry = ({ clock, readGpus, hostMemory }: TelemetryOptions) => {
  let readings: DeviceReading[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  return (devices: readonly DeviceInfo[]): DeviceReport[] => {
    if (clock.now() - readAtMs >= freshMs) {
      readings = readGpus();
      readAtMs = clock.now();
    }
    return joinReadings(devices, readings, hostMemory());
  };
};

/** Devices in llama.cpp's order, then GPUs that only a driver knows. */
export const joinReadings = (
  devices: readonly DeviceInfo[],
  readings: readonly DeviceReading[],
  host: HostMemory,
): DeviceReport[] => {
  const gpus = devices.filter(({ kind }) => kind === "gpu" || kind === "igpu");
  const matches = new Map(gpus.map((gpu) => [gpu, readingOf(gpu, gpus, readings)]));
  const strangers = readings.filter((reading) => ![...matches.values()].includes(reading));
  return [
    ...devices.map((device) => {
      const reading = matches.get(device);
      // What is not a GPU of its own works in the machine's memory.
      const shared = device.kind === "cpu" || (reading === undefined && device.kind === "igpu");
      const memory = shared ? { totalBytes: host.totalBytes, freeBytes: host.availableBytes } : memoryOf(reading);
      return { ...device, ...memory, ...stateOf(reading), used: true };
    }),
    ...strangers.map((reading, index) => ({
      name: `GPU${index}`,
      description: reading.description,
      kind: "gpu" as const,
      ...(reading.pciBusId && { pciBusId: reading.pciBusId }),
      totalBytes: reading.totalBytes ?? 0,
      freeBytes: reading.freeBytes ?? 0,
      ...stateOf(reading),
      used: false,
    })),
  ];
};

/** By PCI address; without one (Vulkan may not know it), the only GPU of the machine is the only one that a driver tells of. */
const readingOf = (gpu: DeviceInfo, gpus: readonly DeviceInfo[], readings: readonly DeviceReading[]) =>
  readings.find(({ pciBusId }) => pciBusId !== undefined && pciBusId === gpu.pciBusId) ??
  (gpu.pciBusId === undefined && gpus.length === 1 && readings.length === 1 ? readings[0] : undefined);

const memoryOf = ({ totalBytes, freeBytes }: Partial<DeviceReading> = {}) => ({
  ...(totalBytes !== undefined && { totalBytes }),
  ...(freeBytes !== undefined && { freeBytes }),
});

const stateOf = ({ utilization, temperatureCelsius }: Partial<DeviceReading> = {}) => ({
  ...(utilization !== undefined && { utilization }),
  ...(temperatureCelsius !== undefined && { temperatureCelsius }),
});

/** All GPUs that compute, together; undefined where there is none. */
export const gpuMemory = (devices: readonly DeviceReport[]): GpuMemory | undefined => {
  const gpus = computingGpus(devices);
  if (gpus.length === 0) return undefined;
  const sum = (key: "totalBytes" | "freeBytes") => gpus.reduce((bytes, gpu) => bytes + gpu[key], 0);
  return { totalBytes: sum("totalBytes"), freeBytes: sum("freeBytes") };
};

/** Of the hottest GPU that computes; undefined where none tells. */
export const gpuTemperature = (devices: readonly DeviceReport[]): number | undefined => {
  const degrees = computingGpus(devices).flatMap(({ temperatureCelsius }) => temperatureCelsius ?? []);
  return degrees.length > 0 ? Math.max(...degrees) : undefined;
};

const computingGpus = (devices: readonly DeviceReport[]): DeviceReport[] =>
  devices.filter(({ kind, used }) => used && (kind === "gpu" || kind === "igpu"));
