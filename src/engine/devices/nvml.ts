import type * as Ffi from "bun:ffi";
import type { DeviceReading } from "./telemetry.ts";

/** NVIDIA's management library: reads what the driver knows of its GPUs. It comes with the driver. */
export interface Nvml {
  /** One for each GPU, in NVML's order; a value that a GPU does not tell (a slice of one, say) is absent. */
  read(): DeviceReading[];
  close(): void;
}

// Signatures and layouts: nvml.h of CUDA 12; the handle is a pointer, passed as the integer that it is.
const symbols = {
  nvmlInit_v2: { args: [], returns: "i32" },
  nvmlShutdown: { args: [], returns: "i32" },
  nvmlDeviceGetCount_v2: { args: ["ptr"], returns: "i32" },
  nvmlDeviceGetHandleByIndex_v2: { args: ["u32", "ptr"], returns: "i32" },
  nvmlDeviceGetName: { args: ["u64", "ptr", "u32"], returns: "i32" },
  nvmlDeviceGetMemoryInfo: { args: ["u64", "ptr"], returns: "i32" },
  nvmlDeviceGetUtilizationRates: { args: ["u64", "ptr"], returns: "i32" },
  nvmlDeviceGetTemperature: { args: ["u64", "u32", "ptr"], returns: "i32" },
  nvmlDeviceGetPciInfo_v3: { args: ["u64", "ptr"], returns: "i32" },
} as const;

const defaultLibrary = process.platform === "win32" ? "nvml.dll" : "libnvidia-ml.so.1";
const success = 0;
const coreTemperature = 0; // NVML_TEMPERATURE_GPU
const nameBytes = 96; // NVML_DEVICE_NAME_V2_BUFFER_SIZE
const devicesMax = 1024; // more than any machine has; a wrong count must not make us loop

/** Loaded at the first look: a node that starts has no millisecond for it. */
const ffi = (): typeof Ffi => process.getBuiltinModule("bun:ffi") as typeof Ffi;

/** Undefined on a machine without NVIDIA's driver. */
export const openNvml = (library = defaultLibrary): Nvml | undefined => {
  try {
    const loaded = ffi().dlopen(library, symbols);
    if (loaded.symbols.nvmlInit_v2() === success) return nvmlOf(loaded);
    loaded.close();
  } catch {
    // not there, or too old to have these functions
  }
  return undefined;
};

type Library = ReturnType<typeof Ffi.dlopen<typeof symbols>>;

const nvmlOf = (library: Library): Nvml => ({
  read: () => {
    const count = new Uint32Array(1);
    if (library.symbols.nvmlDeviceGetCount_v2(ffi().ptr(count)) !== success) return [];
    return Array.from({ length: Math.min(count[0] ?? 0, devicesMax) }, (_, index) => read(library, index)).flatMap(
      (reading) => reading ?? [],
    );
  },
  close: () => {
    library.symbols.nvmlShutdown();
    library.close();
  },
});

const read = ({ symbols: nvml }: Library, index: number): DeviceReading | undefined => {
  const handle = new BigUint64Array(1);
  if (nvml.nvmlDeviceGetHandleByIndex_v2(index, ffi().ptr(handle)) !== success) return undefined;
  const device = handle[0] ?? 0n;
  const name = new Uint8Array(nameBytes);
  const memory = new BigUint64Array(3); // total, free, used
  const rates = new Uint32Array(2); // GPU, memory: percent
  const degrees = new Uint32Array(1);
  const pci = new Uint32Array(17); // char[16], domain, bus, device, two ids, char[32]
  const told = {
    name: nvml.nvmlDeviceGetName(device, ffi().ptr(name), nameBytes) === success,
    memory: nvml.nvmlDeviceGetMemoryInfo(device, ffi().ptr(memory)) === success,
    rates: nvml.nvmlDeviceGetUtilizationRates(device, ffi().ptr(rates)) === success,
    degrees: nvml.nvmlDeviceGetTemperature(device, coreTemperature, ffi().ptr(degrees)) === success,
    pci: nvml.nvmlDeviceGetPciInfo_v3(device, ffi().ptr(pci)) === success,
  };
  return {
    description: told.name ? textOf(name) : "NVIDIA GPU",
    ...(told.pci && { pciBusId: pciBusId(pci[4] ?? 0, pci[5] ?? 0, pci[6] ?? 0) }),
    ...(told.memory && { totalBytes: Number(memory[0]), freeBytes: Number(memory[1]) }),
    ...(told.rates && { utilization: (rates[0] ?? 0) / 100 }),
    ...(told.degrees && { temperatureCelsius: degrees[0] ?? 0 }),
  };
};

const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
};

/** As llama.cpp names a device: `0000:65:00.0`. */
const pciBusId = (domain: number, bus: number, device: number): string => {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.0`;
};
