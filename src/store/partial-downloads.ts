import { readdir, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import { readPartial } from "./partial-journal.ts";
import type { PartialPaths, StoreLayout } from "./store-layout.ts";
import type { Unfinished } from "./unfinished.ts";

/** Every unfinished download of the store that can be understood. */
export const listPartials = async (layout: StoreLayout): Promise<Unfinished[]> => {
  const names = await readdir(layout.partials).catch(() => []);
  const found: Unfinished[] = [];
  for (const name of names) {
    if (!/^[a-z0-9]+-[0-9a-f]{40,64}\.json$/.test(name)) continue;
    const paths = layout.partial(basename(name, ".json"));
    const record = await readPartial(paths);
    if (!record) continue;
    found.push({
      id: paths.id,
      model: record.model,
      isDefault: record.isDefault,
      allocatedBytes: await allocated(paths.data), // the file has holes where nothing was downloaded yet
      files: [paths.journal, paths.written, paths.data],
      lock: paths.lock,
      remove: () => deletePartial(paths),
    });
  }
  return found;
};

/** Deletes a download's files; the journal first, so that no journal ever vouches for data that is gone. */
export const deletePartial = async (paths: PartialPaths): Promise<void> => {
  for (const path of [paths.written, paths.journal, paths.data]) await rm(path, { force: true });
};

/** Bytes of disk that a file takes, holes not counted; 0 when it is not there. */
export const allocated = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).blocks * 512;
  } catch {
    return 0;
  }
};
