import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isPackBackend } from "../src/native/gpu-packs.ts";
import { lockedPackage, packageDir } from "./build/packages.ts";
import { runScript } from "./build/run-script.ts";
import { checkOutLlamaSources } from "./native/llama-sources.ts";
import {
  builderOf,
  type NativePlatform,
  nativePlatform,
  type PlatformName,
  platformNames,
  platformOf,
} from "./native/platforms.ts";
import { requireTools, runTool } from "./native/run-tool.ts";

const root = join(import.meta.dir, "..");
const modules = join(root, "node_modules");
const buildDir = join(root, "build");
const bridgeDir = join(root, "src/runner/bridge");

/** Libraries of a platform, those of the CPU or of a GPU backend. */
export interface Pack {
  platform: PlatformName;
  backend?: string;
}

/** As node-llama-cpp names it; `linux-x64-cuda`. */
export const packName = ({ platform, backend }: Pack): string => (backend ? `${platform}-${backend}` : platform);

const shippedDir = async (pack: string) => join(await packageDir(`@node-llama-cpp/${pack}`), "bins", pack);

/** Changes whenever the folder would come out different; the same on every machine. */
const inputsHash = async (pack: Pack): Promise<string> => {
  const hasher = new Bun.CryptoHasher("sha256");
  const packages = ["node-llama-cpp", `@node-llama-cpp/${packName(pack)}`, "node-addon-api", "node-api-headers"];
  for (const name of packages) hasher.update(`${name} ${(await lockedPackage(name)).integrity}\n`);
  hasher.update(JSON.stringify(nativePlatform(pack.platform)));
  for (const name of (await readdir(bridgeDir)).sort()) {
    hasher.update(`${name}\0`);
    hasher.update(await Bun.file(join(bridgeDir, name)).bytes());
  }
  return hasher.digest("hex");
};

/** Names of the libraries in `dir` that the patterns of `linked` mean, in their order. */
const linkedLibraries = async (dir: string, { linked }: NativePlatform): Promise<string[]> => {
  const names = (await readdir(dir)).sort();
  return linked.map((pattern) => new Bun.Glob(pattern)).flatMap((glob) => names.filter((name) => glob.match(name)));
};

/** Returns the path of the compiled bridge. The build folder stays, so that the next compile is incremental. */
const compileBridge = async (pack: Pack): Promise<string> => {
  const platform = nativePlatform(pack.platform);
  const { tools, definitions = {} } = builderOf(pack.platform);
  requireTools(tools);
  const sources = await checkOutLlamaSources(join(modules, "node-llama-cpp"), join(buildDir, "llama.cpp"));
  const linkedPack = platform.bridgePerPack ? packName(pack) : pack.platform;
  const folder = join(buildDir, "bridge", linkedPack);
  const libraries = await shippedDir(linkedPack);
  const values = {
    ...definitions,
    CMAKE_BUILD_TYPE: "Release",
    LLAMA_CPP_DIR: sources,
    NODE_ADDON_API_DIR: join(modules, "node-addon-api"),
    NODE_API_HEADERS_DIR: join(modules, "node-api-headers"),
    LINKED_LIBRARIES: (await linkedLibraries(libraries, platform)).map((name) => join(libraries, name)).join(";"),
  };
  const flags = Object.entries(values).map(([name, value]) => `-D${name}=${value.replaceAll("\\", "/")}`);
  await runTool("cmake", ["-S", bridgeDir, "-B", folder, ...flags]);
  const jobs = String(Math.max(1, navigator.hardwareConcurrency));
  await runTool("cmake", ["--build", folder, "--config", "Release", "--parallel", jobs]);
  return join(folder, "bridge.node");
};

/** llama.cpp's own libraries; node-llama-cpp's addon lies beside them. */
const isLibrary = /^(lib|ggml|llama\b(?!-addon)).*\.(so|dylib|dll|metal)$/;

/** Puts the shipped libraries and the bridge side by side into `target`, which appears whole. */
const assemble = async (pack: string, bridge: string, target: string): Promise<void> => {
  const shipped = await shippedDir(pack);
  const staging = await mkdtemp(join(buildDir, "native", ".staging-"));
  const names = (await readdir(shipped)).filter((name) => isLibrary.test(name));
  for (const name of names) await copyFile(join(shipped, name), join(staging, name));
  await copyFile(bridge, join(staging, "bridge.node"));
  await rm(target, { recursive: true, force: true });
  await rename(staging, target);
};

/**
 * Makes `build/native/<pack>/`: the libraries that node-llama-cpp ships, and the bridge compiled against them. Returns the folder; does
 * nothing when its inputs have not changed, whichever machine made it. Throws an Error, for people to read, when a tool is missing, the
 * bridge cannot be built on this machine or the compiler fails.
 */
export const buildNative = async (pack: Pack = { platform: platformOf() }): Promise<string> => {
  const target = join(buildDir, "native", packName(pack));
  const stamp = `${target}.sha256`;
  const hash = await inputsHash(pack);
  if (existsSync(join(target, "bridge.node")) && existsSync(stamp) && (await Bun.file(stamp).text()) === hash)
    return target;
  await mkdir(join(buildDir, "native"), { recursive: true });
  await assemble(packName(pack), await compileBridge(pack), target);
  await Bun.write(stamp, hash);
  return target;
};

/** `cuda` (of this machine's platform), `linux-arm64` or `win-x64-vulkan`; throws an Error, for people to read, on anything else. */
export const parsePack = (name: string): Pack => {
  if (isPackBackend(name)) return { platform: platformOf(), backend: name };
  const platform = platformNames.find((one) => name === one || name.startsWith(`${one}-`));
  const backend = platform && name.slice(platform.length + 1);
  if (!platform || (name !== platform && !isPackBackend(backend ?? "")))
    throw new Error(
      `unknown pack "${name}"; there are cuda, vulkan, ${platformNames.join(", ")}, and PLATFORM-BACKEND`,
    );
  return backend ? { platform, backend } : { platform };
};

const main = async (): Promise<void> => {
  const packs = process.argv.slice(2).map(parsePack);
  for (const pack of packs.length > 0 ? packs : [undefined]) console.log(await buildNative(pack));
};

if (import.meta.main) await runScript(main, "bun scripts/native.ts [PACK...]");
