import { readdirSync, readlinkSync } from "node:fs";
import { open, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Installation, receiptName, receiptText, storedVersions } from "./installation.ts";
import { syncFolder } from "./unpack-archive.ts";

/**
 * Makes `version`, which lies in `libDir`, the one that `bin/llmlb` starts: one rename of a link. The receipt follows; where that
 * is cut short, the next reader of it sees so.
 */
export const activate = async (installation: Installation, version: string, stagingDir: string): Promise<void> => {
  const { libDir, linkFile } = installation;
  const next = join(dirname(linkFile), ".llmlb.new");
  await rm(next, { force: true });
  // As install.sh wrote it, relative or not: only the version differs.
  const text = await readlink(linkFile);
  await symlink(join(dirname(dirname(text)), version, "llmlb"), next);
  await rename(next, linkFile);
  await syncFolder(dirname(linkFile));
  const receipt = join(stagingDir, receiptName);
  await writeSynced(receipt, receiptText({ ...installation, version, previous: installation.version }));
  await rename(receipt, join(libDir, receiptName));
};

export const writeSynced = async (path: string, text: string): Promise<void> => {
  await using handle = await open(path, "wx", 0o644);
  await handle.writeFile(text);
  await handle.sync();
};

/** Deletes all versions but those named and those that a process still runs from. */
export const removeOthers = async (libDir: string, kept: readonly string[]): Promise<void> => {
  const others = storedVersions(libDir).filter((version) => !kept.includes(version));
  const running = others.length > 0 ? runningExecutables() : new Set();
  for (const version of others) {
    const dir = join(libDir, version);
    if (!running.has(join(dir, "llmlb"))) await rm(dir, { recursive: true, force: true });
  }
};

/** Executables of this user's processes. Known on Linux only: elsewhere a server that outlives two upgrades has to be restarted by hand. */
const runningExecutables = (): Set<string> => {
  try {
    return new Set(readdirSync("/proc").flatMap((pid) => (/^\d+$/.test(pid) ? executableOf(pid) : [])));
  } catch {
    return new Set();
  }
};

const executableOf = (pid: string): string[] => {
  try {
    return [readlinkSync(`/proc/${pid}/exe`)];
  } catch {
    return []; // it has ended, or is somebody else's
  }
};
