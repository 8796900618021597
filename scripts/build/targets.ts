import type { PackBackend } from "../../src/native/gpu-packs.ts";
import type { PlatformName } from "../native/platforms.ts";

interface Target {
  bun: Bun.Build.CompileTarget;
  /** The package that holds Bun's executable for this target; the lockfile has its version and checksum. */
  bunPackage: string;
  platform: PlatformName;
  /** Backends whose libraries node-llama-cpp ships for the platform, and that a release has an archive of for this target. */
  backends: readonly PackBackend[];
}

/** What an executable can be built for. Those without AVX2 take the GPU archives of `linux-x64`, whose libraries are the same. */
export const targets = {
  "linux-x64": {
    bun: "bun-linux-x64",
    bunPackage: "@oven/bun-linux-x64",
    platform: "linux-x64",
    backends: ["cuda", "vulkan"],
  },
  "linux-x64-baseline": {
    bun: "bun-linux-x64-baseline",
    bunPackage: "@oven/bun-linux-x64-baseline",
    platform: "linux-x64",
    backends: [],
  },
  "linux-arm64": {
    bun: "bun-linux-arm64",
    bunPackage: "@oven/bun-linux-aarch64",
    platform: "linux-arm64",
    backends: [],
  },
  "darwin-arm64": {
    bun: "bun-darwin-arm64",
    bunPackage: "@oven/bun-darwin-aarch64",
    platform: "mac-arm64-metal",
    backends: [],
  },
  "darwin-x64": { bun: "bun-darwin-x64", bunPackage: "@oven/bun-darwin-x64", platform: "mac-x64", backends: [] },
  "windows-x64": {
    bun: "bun-windows-x64",
    bunPackage: "@oven/bun-windows-x64",
    platform: "win-x64",
    backends: ["cuda", "vulkan"],
  },
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof targets;

export const targetNames = Object.keys(targets) as TargetName[];

export const targetOf = (name: TargetName): Target => targets[name];

/** Throws an Error, for people to read, for a name that is none. */
export const parseTarget = (name: string): TargetName => {
  const found = targetNames.find((one) => one === name);
  if (found) return found;
  throw new Error(`unknown target "${name}"; there are ${targetNames.join(", ")}`);
};

export const isWindows = (target: TargetName): boolean => targetOf(target).platform === "win-x64";

/** File name of the executable. */
export const executableName = (target: TargetName): string => (isWindows(target) ? "llmlb.exe" : "llmlb");
