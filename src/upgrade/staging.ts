import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/errors.ts";

/** A folder for what is not finished, and the right to change what lies beside it. Disposing of it gives up both. */
export interface Staging extends AsyncDisposable {
  dir: string;
}

/**
 * Takes the lock of `home` (`.lock`, a link that names the process, as install.sh makes it) and an empty `.staging` in it. What a process
 * that was killed has left there is deleted. Throws `conflict` while another one works there, `forbidden` where nothing can be written.
 */
export const openStaging = async (home: string): Promise<Staging> => {
  const lock = join(home, ".lock");
  await takeLock(lock).catch((error: unknown) => {
    throw writeError(error, home);
  });
  const dir = join(home, ".staging");
  const close = async () => {
    await rm(dir, { recursive: true, force: true });
    await rm(lock, { force: true });
  };
  try {
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir);
  } catch (error) {
    await close();
    throw writeError(error, home);
  }
  return { dir, [Symbol.asyncDispose]: close };
};

const takeLock = async (lock: string): Promise<void> => {
  for (const isLast of [false, true]) {
    try {
      return await symlink(String(process.pid), lock);
    } catch (error) {
      if (isLast || codeOf(error) !== "EEXIST") throw error;
      const holder = Number(await readlink(lock));
      if (isAlive(holder))
        throw new AppError("conflict", `another installation or upgrade is running (process ${holder})`);
      await rm(lock, { force: true });
    }
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return Number.isInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM"; // somebody else's
  }
};

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** What the disk refuses, for people; any other error as it is. */
export const writeError = (error: unknown, home: string): unknown => {
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return new AppError("disk_full", `the disk of ${home} is full; nothing was changed`, { cause: error });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new AppError("forbidden", `cannot write to ${home}: run it as the user who installed llmlb`, {
      cause: error,
    });
  return error;
};
