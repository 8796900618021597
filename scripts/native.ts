import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkOutLlamaSources } from "./native/llama-sources.ts";
import { buildablePlatform } from "./native/platforms.ts";
import { requireTools, runTool } from "./native/run-tool.ts";

const root = join(import.meta.dir, "..");
const modules = join(root, "node_modules");
const buildDir = join(root, "build");
const bridgeDir = join(root, "src/runner/bridge");
const nodeLlamaCppDir = join(modules, "node-llama-cpp");

const shippedDir = (platform: string) => join(modules, "@node-llama-cpp", platform, "bins", platform);

/** Versions stand for the contents of installed packages; npm's lockfile holds their checksums. */
const versionOf = async (packageDir: string): Promise<string> => {
  const { version } = await Bun.file(join(packageDir, "package.json")).json();
  return version;
};

/** Changes whenever the bridge would come out different. */
const inputsHash = async (platform: string): Promise<string> => {
  const hasher = new Bun.CryptoHasher("sha256");
  const packages = ["node-llama-cpp", `@node-llama-cpp/${platform}`, "node-addon-api", "node-api-headers"];
  for (const name of packages) hasher.update(`${name} ${await versionOf(join(modules, name))}\n`);
  for (const name of (await readdir(bridgeDir)).sort()) {
    hasher.update(`${name}\0`);
    hasher.update(await Bun.file(join(bridgeDir, name)).bytes());
  }
  return hasher.digest("hex");
};

/** Returns the path of the compiled bridge. The build folder stays, so that the next compile is incremental. */
const compileBridge = async (platform: string): Promise<string> => {
  requireTools(["cmake", "c++"]);
  const sources = await checkOutLlamaSources(nodeLlamaCppDir, join(buildDir, "llama.cpp"));
  const folder = join(buildDir, "bridge", platform);
  const paths = {
    LLAMA_CPP_DIR: sources,
    NODE_ADDON_API_DIR: join(modules, "node-addon-api"),
    NODE_API_HEADERS_DIR: join(modules, "node-api-headers/include"),
    SHIPPED_LIBRARIES_DIR: shippedDir(platform),
  };
  const definitions = Object.entries(paths).map(([name, path]) => `-D${name}=${path}`);
  await runTool("cmake", ["-S", bridgeDir, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", ...definitions]);
  await runTool("cmake", ["--build", folder, "--parallel", String(Math.max(1, navigator.hardwareConcurrency))]);
  return join(folder, "bridge.node");
};

/** llama.cpp's own libraries; node-llama-cpp's addon lies beside them. */
const isLibrary = /^(lib|ggml|llama\b(?!-addon)).*\.(so|dylib|dll|metal)$/;

/** Puts the shipped libraries and the bridge side by side into `target`, which appears whole. */
const assemble = async (pack: string, bridge: string, target: string): Promise<void> => {
  const staging = await mkdtemp(join(buildDir, "native", ".staging-"));
  const shipped = (await readdir(shippedDir(pack))).filter((name) => isLibrary.test(name));
  for (const name of shipped) await copyFile(join(shippedDir(pack), name), join(staging, name));
  await copyFile(bridge, join(staging, "bridge.node"));
  await rm(target, { recursive: true, force: true });
  await rename(staging, target);
};

/**
 * Makes `build/native/<platform>/`: the CPU libraries that node-llama-cpp ships, and the bridge compiled against them; with
 * `backend`, `build/native/<platform>-<backend>/` with that backend's libraries. Returns the folder; does nothing when its inputs
 * have not changed. Throws an Error, for people to read, when a tool is missing, the platform cannot be built or the compiler fails.
 */
export const buildNative = async (backend?: string): Promise<string> => {
  const platform = buildablePlatform();
  const pack = backend ? `${platform}-${backend}` : platform;
  if (!existsSync(shippedDir(pack)))
    throw new Error(`@node-llama-cpp/${pack} is not installed: run "npm ci" without --omit=optional`);
  const target = join(buildDir, "native", pack);
  const stamp = `${target}.sha256`;
  const hash = await inputsHash(platform);
  if (existsSync(join(target, "bridge.node")) && existsSync(stamp) && (await Bun.file(stamp).text()) === hash)
    return target;
  await mkdir(join(buildDir, "native"), { recursive: true });
  await assemble(pack, await compileBridge(platform), target);
  await Bun.write(stamp, hash);
  return target;
};

// `bun scripts/native.ts [cuda|vulkan]`
if (import.meta.main) {
  try {
    console.log(await buildNative(process.argv[2]));
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
}
