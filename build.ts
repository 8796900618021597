import { cp, mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bundledPackages } from "./scripts/build/bundled-packages.ts";
import { buildDashboard, embedDashboard } from "./scripts/build/dashboard.ts";
import { embedNative } from "./scripts/build/embed-native.ts";
import { hermetic, refuseLeftovers } from "./scripts/build/hermetic.ts";
import { fetchPackage } from "./scripts/build/packages.ts";
import { runScript } from "./scripts/build/run-script.ts";
import { signMachO } from "./scripts/build/sign-mach-o.ts";
import { executableName, parseTarget, type TargetName, targetOf } from "./scripts/build/targets.ts";
import { buildNative } from "./scripts/native.ts";

const root = import.meta.dir;

export interface BuildOptions {
  /** Absent = this machine. */
  target?: TargetName;
  /** False = the native libraries stay outside, for `native/` beside the executable. */
  embed?: boolean;
  /** By default `dist`, with a target its folder in there. */
  outDir?: string;
  /** Whose releases `llmlb upgrade` believes: Ed25519 public keys (base64 of 32 bytes), separated by commas; empty = nobody's. */
  releaseKeys?: string;
}

export interface Built {
  executable: string;
  /** The folder of the native libraries that belong to it. */
  nativeDir: string;
  /** Folders of the npm packages that are part of it, relative to the repository. */
  packages: string[];
}

/** What Bun is told of the target. Without one, it takes the executable that runs this. */
const compileTarget = async (target: TargetName | undefined) => {
  if (!target) return {};
  const { bun, bunPackage } = targetOf(target);
  const executablePath = join(await fetchPackage(bunPackage), "bin", target === "windows-x64" ? "bun.exe" : "bun");
  return { target: bun, executablePath };
};

/** Builds `<outDir>/llmlb`, one file that works alone unless `embed` is false. */
export const buildExecutable = async (options: BuildOptions = {}): Promise<Built> => {
  const { target, embed = true, releaseKeys = process.env.LLMLB_RELEASE_PUBLIC_KEYS ?? "" } = options;
  const { outDir = join(root, "dist", target ?? "") } = options;
  const nativeDir = await buildNative(target && { platform: targetOf(target).platform });
  const dashboard = await buildDashboard(join(root, "build/dashboard"));
  await mkdir(outDir, { recursive: true });
  // The name goes into the executable: the same name gives the same bytes, whatever the folder.
  const hostName = process.platform === "win32" ? "llmlb.exe" : "llmlb";
  const outfile = join(outDir, target ? executableName(target) : hostName);
  const { metafile } = await Bun.build({
    // The first is what the executable starts; the others are its worker threads (see native/worker-file.ts).
    entrypoints: ["src/main.ts", "src/hub/hash-worker.ts"].map((file) => join(root, file)),
    // A .env or bunfig.toml in the user's folder is not ours to read: bunfig's preload would run code from there.
    compile: {
      ...(await compileTarget(target)),
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
    metafile: true,
    define: { LLMLB_RELEASE_PUBLIC_KEYS: JSON.stringify(releaseKeys) },
    plugins: [hermetic(), ...(embed ? [embedNative(nativeDir)] : []), embedDashboard(dashboard.files)],
  });
  if (!metafile) throw new Error("Bun did not tell what it bundled");
  refuseLeftovers(metafile);
  if (target?.startsWith("darwin-")) await signMachO(outfile);
  const packages = bundledPackages([...dashboard.inputs, ...Object.keys(metafile.inputs)]);
  return { executable: outfile, nativeDir, packages };
};

const main = async (): Promise<void> => {
  const flags = { target: { type: "string" }, "no-embed": { type: "boolean" }, out: { type: "string" } } as const;
  const { target, out, "no-embed": plain = false } = parseArgs({ options: flags }).values;
  const startMs = performance.now();
  const { executable, nativeDir } = await buildExecutable({
    ...(target === undefined ? {} : { target: parseTarget(target) }),
    ...(out === undefined ? {} : { outDir: resolve(out) }),
    embed: !plain,
  });
  if (plain) await cp(nativeDir, join(dirname(executable), "native", basename(nativeDir)), { recursive: true });
  console.log(`built ${executable} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
};

if (import.meta.main) await runScript(main, "bun build.ts [--target TARGET] [--no-embed] [--out DIR]");
