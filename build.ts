import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildDashboard, embedDashboard } from "./scripts/build/dashboard.ts";
import { embedNative } from "./scripts/build/embed-native.ts";
import { hermetic } from "./scripts/build/hermetic.ts";
import { buildNative } from "./scripts/native.ts";

interface BuildOptions {
  outDir?: string;
  /** Public keys of whoever signs releases, separated by commas; a build without them cannot verify updates and says so. */
  releaseKeys?: string;
}

/** Builds `<outDir>/llmlb`, one file that works alone, in `dist` by default. Returns its path. */
export const buildExecutable = async (options: BuildOptions = {}): Promise<string> => {
  const { outDir = join(import.meta.dir, "dist"), releaseKeys = process.env.LLMLB_RELEASE_PUBLIC_KEYS ?? "" } = options;
  const outfile = join(outDir, process.platform === "win32" ? "llmlb.exe" : "llmlb");
  const nativeDir = await buildNative();
  const dashboard = await buildDashboard(join(import.meta.dir, "build/dashboard"));
  await mkdir(outDir, { recursive: true });
  await Bun.build({
    // The first is what the executable starts; the others are its worker threads (see native/worker-file.ts).
    entrypoints: ["src/main.ts", "src/hub/hash-worker.ts"].map((file) => join(import.meta.dir, file)),
    // A .env or bunfig.toml in the user's folder is not ours to read: bunfig's preload would run code from there.
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    format: "esm",
    splitting: true,
    minify: true,
    bytecode: true,
    define: { LLMLB_RELEASE_PUBLIC_KEYS: JSON.stringify(releaseKeys) },
    plugins: [hermetic(), embedNative(nativeDir), embedDashboard(dashboard)],
  });
  return outfile;
};

if (import.meta.main) {
  const startMs = performance.now();
  console.log(`built ${await buildExecutable()} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}
