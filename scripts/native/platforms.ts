import type { Tool } from "./run-tool.ts";

/** A kind of machine that can build a bridge, and what its CMake has to be told. */
interface Builder {
  os: NodeJS.Platform;
  /** Absent = any. */
  arch?: string;
  tools: readonly Tool[];
  definitions?: Readonly<Record<string, string>>;
}

/** What differs from platform to platform in the native build; the key is node-llama-cpp's name of the pack. */
export interface NativePlatform {
  os: NodeJS.Platform;
  arch: string;
  /** Shipped libraries that the bridge is linked to, without what GPU packs name differently. */
  linked: readonly string[];
  /** Windows looks symbols up by library, and GPU packs have names of their own: there each pack has a bridge of its own. */
  bridgePerPack?: true;
  builders: readonly Builder[];
}

const linuxLibraries = ["libllama-common.so", "libggml-base.so"];
const macLibraries = ["libllama-common.dylib", "libggml-base.dylib"];
/** The version that the shipped libraries are built for. */
const macVersion = "14.0";

const macBuilder = (arch: string): Builder => ({
  os: "darwin",
  tools: ["cmake", "c++"],
  definitions: { CMAKE_OSX_ARCHITECTURES: arch, CMAKE_OSX_DEPLOYMENT_TARGET: macVersion },
});

/** Debian's cross compiler (g++-aarch64-linux-gnu). */
const arm64CrossBuilder: Builder = {
  os: "linux",
  arch: "x64",
  tools: ["cmake", "aarch64-linux-gnu-g++"],
  definitions: {
    CMAKE_SYSTEM_NAME: "Linux",
    CMAKE_SYSTEM_PROCESSOR: "aarch64",
    CMAKE_C_COMPILER: "aarch64-linux-gnu-gcc",
    CMAKE_CXX_COMPILER: "aarch64-linux-gnu-g++",
  },
};

export const nativePlatforms = {
  "linux-x64": {
    os: "linux",
    arch: "x64",
    linked: linuxLibraries,
    builders: [{ os: "linux", arch: "x64", tools: ["cmake", "c++"] }],
  },
  "linux-arm64": {
    os: "linux",
    arch: "arm64",
    linked: linuxLibraries,
    builders: [{ os: "linux", arch: "arm64", tools: ["cmake", "c++"] }, arm64CrossBuilder],
  },
  "mac-arm64-metal": { os: "darwin", arch: "arm64", linked: macLibraries, builders: [macBuilder("arm64")] },
  "mac-x64": { os: "darwin", arch: "x64", linked: macLibraries, builders: [macBuilder("x86_64")] },
  "win-x64": {
    os: "win32",
    arch: "x64",
    linked: [
      "llama-common.dll",
      "llama.v[0-9]*.dll",
      "llama.*.v[0-9]*.dll",
      "ggml-base.dll",
      "ggml.v[0-9]*.dll",
      "ggml.*.v[0-9]*.dll",
    ],
    bridgePerPack: true,
    builders: [{ os: "win32", arch: "x64", tools: ["cmake"] }],
  },
} as const satisfies Record<string, NativePlatform>;

export type PlatformName = keyof typeof nativePlatforms;

export const platformNames = Object.keys(nativePlatforms) as PlatformName[];

export const nativePlatform = (name: PlatformName): NativePlatform => nativePlatforms[name];

/** The platform of a machine; throws an Error, for people to read, where there is none. */
export const platformOf = (os: string = process.platform, arch: string = process.arch): PlatformName => {
  const found = platformNames.find((name) => nativePlatforms[name].os === os && nativePlatforms[name].arch === arch);
  if (found) return found;
  throw new Error(`there are no native libraries for ${os}-${arch}, only for ${platformNames.join(", ")}`);
};

/** What builds the bridge of `platform` on a machine; throws an Error, for people to read, where nothing does. */
export const builderOf = (
  platform: PlatformName,
  os: string = process.platform,
  arch: string = process.arch,
): Builder => {
  const { builders } = nativePlatform(platform);
  const found = builders.find((one) => one.os === os && (one.arch ?? arch) === arch);
  if (found) return found;
  const machines = builders.map((one) => (one.arch ? `${one.os}-${one.arch}` : one.os)).join(" or ");
  throw new Error(
    `the native bridge for ${platform} is built on ${machines}: run "npm run native ${platform}" there and bring build/native/${platform} and build/native/${platform}.sha256 here`,
  );
};
