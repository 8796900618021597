import { lstatSync, readFileSync } from "node:fs";
import { chmod, lstat, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import type { EmbeddedFile } from "./embedded.ts";

/** Changes with any byte of any file, so that two versions of llmlb never share a folder. */
const setHash = (files: readonly EmbeddedFile[]): string => {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const file of files) hasher.update(`${file.name}\0${file.sha256}\n`);
  return hasher.digest("hex").slice(0, 32);
};

/**
 * Writes `files` to `<root>/<hash of all>/<folder>/` unless they are there, and returns that folder.
 * The folder is private (0700) and owned by this user, since what lies in it is executed. Safe when several processes do it at once.
 */
export const extract = async (files: readonly EmbeddedFile[], root: string, folder: string): Promise<string> => {
  const home = join(root, setHash(files));
  const target = join(home, folder);
  await mkdir(home, { recursive: true, mode: 0o700 });
  await refuseForeign(home);
  if (await isWhole(files, target)) return target;
  const staging = await mkdtemp(join(home, ".extract-"));
  try {
    for (const file of files)
      await writeFile(join(staging, file.name), await Bun.file(file.path).bytes(), { mode: 0o600 });
    if (!(await isWhole(files, staging)))
      throw new AppError("corrupt", `the native libraries could not be written to ${home}`);
    await publish(files, staging, target);
    return target;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
};

/**
 * rename() onto a folder that holds files fails. Then either another process was faster, and its folder is as good, or a broken
 * one lies there and goes aside first.
 */
const publish = async (files: readonly EmbeddedFile[], staging: string, target: string): Promise<void> => {
  for (const broken of [`${target}.broken-${process.pid}`, undefined]) {
    try {
      return await rename(staging, target);
    } catch (error) {
      if (await isWhole(files, target)) return;
      if (broken === undefined) throw error;
      await rename(target, broken).catch(() => undefined);
      await rm(broken, { recursive: true, force: true });
    }
  }
};

const refuseForeign = async (home: string): Promise<void> => {
  if (process.platform === "win32") return; // a profile folder is private by its ACL
  const status = await lstat(home);
  if (!status.isDirectory() || status.uid !== process.getuid?.()) {
    throw new AppError("forbidden", `${home} belongs to somebody else; set LLMLB_CACHE to a folder of your own`);
  }
  if ((status.mode & 0o077) !== 0) await chmod(home, 0o700);
};

/**
 * Sizes are always compared; bytes only when the folder is new or somebody wrote to it, told by `.verified`. Every start of a node
 * waits for it, and has nothing else to do: a look at once takes a tenth of what the thread pool takes for it.
 */
const isWhole = async (files: readonly EmbeddedFile[], dir: string): Promise<boolean> => {
  const stamp = join(dir, ".verified");
  const found = files.map((file) => lstatSync(join(dir, file.name), { throwIfNoEntry: false }));
  if (found.some((status, index) => !status?.isFile() || status.size !== files[index]?.sizeBytes)) return false;
  const seen = found.map((status) => `${status?.size}:${status?.mtimeMs}:${status?.ino}`).join("\n");
  if (readIfThere(stamp) === seen) return true;
  for (const file of files) if ((await sha256(join(dir, file.name))) !== file.sha256) return false;
  await writeFile(stamp, seen, { mode: 0o600 });
  return true;
};

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

const sha256 = async (path: string): Promise<string> =>
  new Bun.CryptoHasher("sha256").update(await Bun.file(path).bytes()).digest("hex");
