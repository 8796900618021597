import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAmd } from "../../../src/engine/devices/amd.ts";
import { openNvml } from "../../../src/engine/devices/nvml.ts";
import { createTelemetry, gpuMemory, gpuTemperature, joinReadings } from "../../../src/engine/devices/telemetry.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { buildNvmlStub } from "./nvml-stub.ts";

const GiB = 2 ** 30;
const host = { totalBytes: 64 * GiB, availableBytes: 50 * GiB };
let stub: string;
beforeAll(() => {
  stub = buildNvmlStub();
});
afterAll(() => rmSync(stub, { recursive: true, force: true }));

const whole = {
  description: "NVIDIA Stub 9000",
  pciBusId: "0000:65:00.0",
  totalBytes: 24 * GiB,
  freeBytes: 6 * GiB,
  utilization: 0.42,
  temperatureCelsius: 61,
};

test("NVML: what a GPU tells, and a GPU that tells little", () => {
  const nvml = openNvml(join(stub, "libnvidia-ml.so.1"));
  expect(nvml?.read()).toEqual([whole, { description: "NVIDIA Stub slice", pciBusId: "0000:ca:00.0" }]);
  nvml?.close();
});

test("no NVIDIA driver is no error", () => {
  expect(openNvml("/nowhere/libnvidia-ml.so.1")).toBeUndefined();
});

test("AMD: from the driver's files, other makers' cards and connectors left out", () => {
  const root = mkdtempSync(join(tmpdir(), "llmlb-amd-"));
  const write = (path: string, files: Record<string, string>) => {
    const folder = join(root, "sys/class/drm", path);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), `${text}\n`);
  };
  write("card0/device", { vendor: "0x8086" });
  write("card1-DP-1/device", { vendor: "0x1002", mem_info_vram_total: "1" });
  write("card1/device", {
    vendor: "0x1002",
    mem_info_vram_total: "17163091968",
    mem_info_vram_used: "163091968",
    gpu_busy_percent: "7",
    product_name: "Radeon Stub",
    uevent: "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0",
  });
  write("card1/device/hwmon/hwmon4", { temp1_input: "48500" });
  write("card2/device", { vendor: "0x1002", mem_info_vram_total: "1000" });
  expect(readAmd(root)).toEqual([
    {
      ...{ description: "Radeon Stub", pciBusId: "0000:03:00.0", totalBytes: 17163091968, freeBytes: 17e9 },
      ...{ utilization: 0.07, temperatureCelsius: 48.5 },
    },
    { description: "AMD GPU", totalBytes: 1000, freeBytes: 1000 },
  ]);
  expect(readAmd("/nowhere")).toEqual([]);
  rmSync(root, { recursive: true });
});

const device = (name: string, pciBusId?: string) => ({
  ...{ name, description: name, kind: "gpu" as const, totalBytes: 23 * GiB, freeBytes: 23 * GiB },
  ...(pciBusId && { pciBusId }),
});
const cpu = { name: "CPU", description: "a CPU", kind: "cpu" as const, totalBytes: 1, freeBytes: 1 };

test("devices get what their drivers tell, by PCI address; the CPU the machine's memory", () => {
  const reports = joinReadings([device("CUDA0", "0000:ca:00.0"), device("CUDA1", "0000:65:00.0"), cpu], [whole], host);
  expect(reports).toMatchObject([
    { name: "CUDA0", freeBytes: 23 * GiB, used: true },
    { name: "CUDA1", freeBytes: 6 * GiB, temperatureCelsius: 61, used: true },
    { name: "CPU", totalBytes: 64 * GiB, freeBytes: 50 * GiB },
  ]);
  expect(gpuMemory(reports)).toEqual({ totalBytes: 47 * GiB, freeBytes: 29 * GiB });
  expect(gpuTemperature(reports)).toBe(61);
});

test("the only GPU needs no address; a GPU that is not computed on is shown and does not count", () => {
  expect(joinReadings([device("Vulkan0")], [whole], host)).toMatchObject([{ name: "Vulkan0", utilization: 0.42 }]);
  const unused = joinReadings([cpu], [whole], host);
  expect(unused).toMatchObject([{ name: "CPU" }, { name: "GPU0", description: "NVIDIA Stub 9000", used: false }]);
  expect(gpuMemory(unused)).toBeUndefined();
  expect(gpuTemperature(unused)).toBeUndefined();
});

test("drivers are asked at most once a second", async () => {
  const clock = manualClock();
  let reads = 0;
  const readGpus = () => {
    reads++;
    return [];
  };
  const telemetry = createTelemetry({ clock, readGpus, hostMemory: () => host });
  telemetry([cpu]);
  telemetry([cpu]);
  expect(reads).toBe(1);
  await clock.advance(1000);
  telemetry([cpu]);
  expect(reads).toBe(2);
});
