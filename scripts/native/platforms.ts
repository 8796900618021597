/** What differs from platform to platform in the native build; the key is node-llama-cpp's name of the pack. */
interface NativePlatform {
  os: NodeJS.Platform;
  arch: string;
  /** Absent = the bridge cannot be built there yet. */
  build?: {
    /** Shipped libraries that the bridge is linked to; all others are found through these. */
    linked: readonly string[];
  };
}

const linuxBuild = { linked: ["libllama-common.so", "libggml-base.so"] };

const nativePlatforms: Readonly<Record<string, NativePlatform>> = {
  "linux-x64": { os: "linux", arch: "x64", build: linuxBuild },
  "linux-arm64": { os: "linux", arch: "arm64" },
  "mac-arm64-metal": { os: "darwin", arch: "arm64" },
  "mac-x64": { os: "darwin", arch: "x64" },
  "win-x64": { os: "win32", arch: "x64" },
};

/** The name of this machine's platform; throws an Error, for people to read, where the bridge cannot be built. */
export const buildablePlatform = (os: string = process.platform, arch: string = process.arch): string => {
  const found = Object.entries(nativePlatforms).find(([, platform]) => platform.os === os && platform.arch === arch);
  if (found?.[1].build) return found[0];
  const names = Object.keys(nativePlatforms).filter((name) => nativePlatforms[name]?.build);
  throw new Error(`the native bridge cannot be built on ${os}-${arch} yet, only on ${names.join(", ")}`);
};
