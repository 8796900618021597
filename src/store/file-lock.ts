import type * as Sqlite from "bun:sqlite";
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";

/** Held until released; the operating system releases it when the process ends, however it ends. */
export interface FileLock extends Disposable {
  release(): void;
}

const pollMs = 100; // a lock is held for milliseconds (store) or minutes (download); neither minds this delay

/**
 * Takes a lock between processes, or returns undefined while another holder (in this process or any other) has it.
 * The lock is SQLite's own on an empty database file: the kernel's, portable, and free of guesses about whether the
 * owner of a left-over file still lives, which fail between containers that share a folder.
 * The file must never be opened by anything else: closing it would drop the lock (POSIX).
 */
export const tryLockFile = (path: string): FileLock | undefined => {
  const database = openLockFile(path);
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof sqlite().SQLiteError && error.code?.startsWith("SQLITE_BUSY")) return undefined;
    throw new AppError("internal", `cannot lock ${path}: ${(error as Error).message}`, { cause: error });
  }
  const release = () => database.close();
  return { release, [Symbol.dispose]: release };
};

/** Waits for the lock; `onWait` is called once a poll, while another has it. */
export const lockFile = async (
  path: string,
  options: { clock: Clock; signal?: AbortSignal; onWait?: () => void },
): Promise<FileLock> => {
  for (;;) {
    const lock = tryLockFile(path);
    if (lock) return lock;
    options.onWait?.();
    await sleep(options.clock, pollMs, options.signal);
  }
};

/**
 * Like `tryLockFile` for a file that its holder deletes at the end. Taking and deleting both happen under `guard`,
 * so nobody can hold a lock on a file whose name already means another one.
 */
export const tryLockTemporaryFile = (path: string, guard: string): FileLock | undefined => {
  using guarded = tryLockFile(guard);
  const lock = guarded && tryLockFile(path);
  if (!lock) return undefined;
  const release = () => {
    removeGuarded(path, guard);
    lock.release();
  };
  return { release, [Symbol.dispose]: release };
};

/** Where that cannot be done the file stays, empty, for the next one: a full disk refuses a lock too, and must not hide what ended the work. */
const removeGuarded = (path: string, guard: string): void => {
  try {
    using guarded = tryLockFile(guard);
    if (guarded) rmSync(path, { force: true });
  } catch {
    // nothing that the holder could do about it
  }
};

/** Loaded at the first lock: what only reads a store, and a node that starts, has no millisecond for it. */
const sqlite = (): typeof Sqlite => process.getBuiltinModule("bun:sqlite") as typeof Sqlite;

const openLockFile = (path: string): Sqlite.Database => {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return new (sqlite().Database)(path, { create: true, readwrite: true });
  } catch (error) {
    throw new AppError("internal", `cannot open the lock file ${path}: ${(error as Error).message}`, { cause: error });
  }
};
