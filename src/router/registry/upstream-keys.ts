import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Keys that are sent to nodes: one file for each node, which only this user reads, so that no copy of the database holds them. */
export interface UpstreamKeys {
  all(): Map<string, string>;
  save(nodeId: string, key: string): void;
  remove(nodeId: string): void;
}

export const openUpstreamKeys = (dir: string): UpstreamKeys => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700); // it may have been there
  return {
    all: () =>
      new Map(
        readdirSync(dir)
          .filter((file) => !file.endsWith(".new"))
          .map((file) => [file, readFileSync(join(dir, file), "utf8")]),
      ),
    save(nodeId, key) {
      const fresh = join(dir, `${nodeId}.new`);
      rmSync(fresh, { force: true }); // what a killed router left may have another mode
      writeFileSync(fresh, key, { mode: 0o600, flag: "wx", flush: true });
      renameSync(fresh, join(dir, nodeId));
    },
    remove: (nodeId) => rmSync(join(dir, nodeId), { force: true }),
  };
};
