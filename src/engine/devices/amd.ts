import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceReading } from "./telemetry.ts";

const amdVendor = "0x1002";

/** AMD's GPUs as Linux's driver amdgpu shows them; none elsewhere. `root` is `/` except in tests. */
export const readAmd = (root = "/"): DeviceReading[] => {
  const drm = join(root, "sys/class/drm");
  return entries(drm)
    .filter((name) => /^card\d+$/.test(name))
    .map((name) => join(drm, name, "device"))
    .filter((device) => text(device, "vendor") === amdVendor && number(device, "mem_info_vram_total") !== undefined)
    .map(readCard);
};

const readCard = (device: string): DeviceReading => {
  const totalBytes = number(device, "mem_info_vram_total") ?? 0;
  const busy = number(device, "gpu_busy_percent");
  const milliDegrees = entries(join(device, "hwmon"))
    .map((monitor) => number(join(device, "hwmon", monitor), "temp1_input"))
    .find((value) => value !== undefined);
  const [, pciBusId] = /^PCI_SLOT_NAME=(.+)$/m.exec(text(device, "uevent")) ?? [];
  return {
    description: text(device, "product_name") || "AMD GPU",
    ...(pciBusId && { pciBusId }),
    totalBytes,
    freeBytes: totalBytes - (number(device, "mem_info_vram_used") ?? 0),
    ...(busy !== undefined && { utilization: busy / 100 }),
    ...(milliDegrees !== undefined && { temperatureCelsius: milliDegrees / 1000 }),
  };
};

const entries = (folder: string): string[] => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

const text = (folder: string, file: string): string => {
  try {
    return readFileSync(join(folder, file), "utf8").trim();
  } catch {
    return "";
  }
};

const number = (folder: string, file: string): number | undefined => {
  const value = text(folder, file);
  return /^\d+$/.test(value) ? Number(value) : undefined;
};
