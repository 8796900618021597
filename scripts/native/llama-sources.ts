import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { requireTools, runTool } from "./run-tool.ts";

/**
 * Checks the llama.cpp sources that node-llama-cpp carries out into `dir`, once for each release, and returns it.
 * They are exactly the sources of the shipped libraries.
 */
export const checkOutLlamaSources = async (nodeLlamaCppDir: string, dir: string): Promise<string> => {
  const { tag } = await Bun.file(join(nodeLlamaCppDir, "llama/llama.cpp.info.json")).json();
  const stamp = join(dir, ".llmlb-release");
  if (existsSync(stamp) && (await Bun.file(stamp).text()) === tag) return dir;
  requireTools(["git"]);
  const staging = await mkdtemp(join(dirname(dir), "llama.cpp-"));
  await runTool("git", ["clone", "--quiet", join(nodeLlamaCppDir, "llama/gitRelease.bundle"), staging]);
  await rm(join(staging, ".git"), { recursive: true, force: true }); // half of the size, and nobody needs its history
  await Bun.write(join(staging, ".llmlb-release"), tag);
  await rm(dir, { recursive: true, force: true });
  await rename(staging, dir);
  return dir;
};
