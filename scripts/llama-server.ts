import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { checkOutLlamaSources } from "./native/llama-sources.ts";
import { requireTools, runTool } from "./native/run-tool.ts";

const root = join(import.meta.dir, "..");
const recipe = join(import.meta.dir, "llama-server");
const nodeLlamaCpp = join(root, "node_modules", "node-llama-cpp");

/**
 * Path of a llama-server that runs the very libraries that llmlb ships: the reference for answers and for speed. It is compiled once
 * (4 minutes on 2 cores; needs git, cmake and a C++ compiler; Linux only) and kept in build/. Everything but the server itself is
 * linked from node-llama-cpp's prebuilt libraries. Throws an Error, for people to read, when that cannot be done.
 */
export const buildLlamaServer = async (): Promise<string> => join(await buildReferences(), "llama-server");

/** Path of a llama-mtmd-cli of the same build: the reference for what a model says of a picture. */
export const buildMtmdCli = async (): Promise<string> => join(await buildReferences(), "llama-mtmd-cli");

const targets = ["llama-server", "llama-mtmd-cli"];

/** Returns the folder that holds them. */
const buildReferences = async (): Promise<string> => {
  if (process.platform !== "linux") throw new Error("the references are built on Linux only");
  const platform = `linux-${process.arch}`;
  const libraries = join(root, "node_modules", "@node-llama-cpp", platform, "bins", platform);
  const lists = await Bun.file(join(recipe, "CMakeLists.txt")).text();
  const { tag } = await Bun.file(join(nodeLlamaCpp, "llama", "llama.cpp.info.json")).json();
  const key = createHash("sha256").update(`${platform} ${tag} ${lists}`).digest("hex").slice(0, 12);
  const folder = join(root, "build", "llama-server", key);
  if (existsSync(folder)) return folder;
  requireTools(["cmake", "c++"]);
  const work = join(root, "build", "llama-server", `${key}.${randomUUID()}.tmp`);
  try {
    const out = join(work, "out");
    await mkdir(out, { recursive: true });
    const names = (await readdir(libraries)).filter((name) => name.endsWith(".so"));
    for (const name of names) await symlink(join(libraries, name), join(out, name)); // found beside the executable ($ORIGIN)
    await compile(out, join(work, "objects"));
    await publish(out, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
};

const compile = async (out: string, objects: string) => {
  const sources = await checkOutLlamaSources(nodeLlamaCpp, join(root, "build", "llama.cpp"));
  await runTool("cmake", ["-S", recipe, "-B", objects, `-DLLAMA_CPP_DIR=${sources}`, `-DLLAMA_LIBRARY_DIR=${out}`]);
  await runTool("cmake", ["--build", objects, "--target", ...targets, "--parallel", String(availableParallelism())]);
};

/** Moves the finished folder into place; when another process was first, its folder stays. */
const publish = async (finished: string, folder: string) => {
  try {
    await rename(finished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
};

if (import.meta.main) console.log(await buildLlamaServer());
