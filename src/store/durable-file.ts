import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a small file so that after a crash or a power cut there is the old content or the new one, never a piece:
 * temporary file, fsync, rename, fsync of the folder. Makes the folder where it is missing.
 */
export const writeFileDurably = async (path: string, content: string | Uint8Array): Promise<void> => {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${process.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
};

/** Makes a rename or a new name inside `folder` survive a power cut. */
export const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === "win32") return; // a folder cannot be opened there, and NTFS journals names by itself
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** fsync of a file's content. */
export const syncFile = async (path: string): Promise<void> => {
  // Reading is enough for fsync, and a blob linked from another program's cache may be read-only; Windows wants to write.
  const handle = await open(path, process.platform === "win32" ? "r+" : "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
