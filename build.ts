import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildDashboard, embedDashboard } from "./scripts/build/dashboard.ts";
import { embedNative } from "./scripts/build/embed-native.ts";
import { hermetic } from "./scripts/build/hermetic.ts";
import { buildNative } from "./scripts/native.ts";

const outfile = join(import.meta.dir, "dist", process.platform === "win32" ? "llmlb.exe" : "llmlb");

/** Builds `dist/llmlb`, one file that works alone. Returns its path. */
export const buildExecutable = async (): Promise<string> => {
  const nativeDir = await buildNative();
  const dashboard = await buildDashboard(join(import.meta.dir, "build/dashboard"));
  await mkdir(join(import.meta.dir, "dist"), { recursive: true });
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
    plugins: [hermetic(), embedNative(nativeDir), embedDashboard(dashboard)],
  });
  return outfile;
};

if (import.meta.main) {
  const startMs = performance.now();
  console.log(`built ${await buildExecutable()} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}
