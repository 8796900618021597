import type * as Ffi from "bun:ffi";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import type { PackBackend } from "../native/gpu-packs.ts";

/** What decides which libraries are worth their download. */
export interface GpuFacts {
  nvidia: boolean;
  amd: boolean;
  /** libcudart and libcublas 13, half a gigabyte that CUDA's libraries need and the add-on does not have. */
  cudaRuntime: boolean;
  vulkanLoader: boolean;
}

const amdVendor = "0x1002";

/** By symbol, since a library cannot be opened for nothing. */
const libraries = {
  cudart: { linux: "libcudart.so.13", win32: "cudart64_13.dll", symbol: "cudaRuntimeGetVersion" },
  cublas: { linux: "libcublas.so.13", win32: "cublas64_13.dll", symbol: "cublasGetProperty" },
  vulkan: { linux: "libvulkan.so.1", win32: "vulkan-1.dll", symbol: "vkGetInstanceProcAddr" },
  nvml: { linux: "libnvidia-ml.so.1", win32: "nvml.dll", symbol: "nvmlInit_v2" },
} as const;

export const readGpuFacts = (): GpuFacts => ({
  nvidia: existsSync("/proc/driver/nvidia/version") || canLoad("nvml"),
  amd: hasAmd("/sys/class/drm"),
  cudaRuntime: canLoad("cudart") && canLoad("cublas"),
  vulkanLoader: canLoad("vulkan"),
});

/** Asks the system's own loader, which knows LD_LIBRARY_PATH and all its folders. */
const canLoad = (name: keyof typeof libraries): boolean => {
  const { symbol, ...files } = libraries[name];
  const file = process.platform === "linux" || process.platform === "win32" ? files[process.platform] : undefined;
  if (file === undefined) return false;
  try {
    const { dlopen } = process.getBuiltinModule("bun:ffi") as typeof Ffi;
    dlopen(file, { [symbol]: { args: [], returns: "i32" } }).close();
    return true;
  } catch {
    return false;
  }
};

/** `drm` is Linux's folder of graphics cards. */
export const hasAmd = (drm: string): boolean => {
  try {
    return readdirSync(drm).some(
      (card) => /^card\d+$/.test(card) && readFileSync(join(drm, card, "device/vendor"), "utf8").trim() === amdVendor,
    );
  } catch {
    return false;
  }
};

/** The backend for this machine, by the rule of install.sh. Throws `not_found` with what is missing. */
export const chooseBackend = ({ nvidia, amd, cudaRuntime, vulkanLoader }: GpuFacts): PackBackend => {
  if (!nvidia && !amd)
    throw new AppError(
      "not_found",
      "no NVIDIA or AMD GPU was found; for another one that knows Vulkan: llmlb gpu install vulkan",
    );
  if (nvidia && cudaRuntime) return "cuda";
  if (vulkanLoader) return "vulkan";
  throw new AppError(
    "not_found",
    `there is a GPU but no Vulkan loader: install it (Debian: apt install libvulkan1)${nvidia ? ", or CUDA 13," : ""} and run this again`,
  );
};
