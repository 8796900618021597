import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord, parseJson } from "../../core/json.ts";

/** What the router gave to this node when it joined. */
export interface Membership {
  read(): string | undefined;
  save(credential: string): void;
  forget(): void;
}

/**
 * Kept in a file that only this user reads, one for each router and each address of a node: several nodes may share a home, and
 * are different nodes all the same.
 */
export const openMembership = (dir: string, routerUrl: string, nodeUrl: string): Membership => {
  const digest = new Bun.CryptoHasher("sha256").update(`${routerUrl}\n${nodeUrl}`).digest("hex");
  const file = join(dir, `${digest.slice(0, 16)}.json`);
  return {
    read() {
      try {
        const kept = parseJson(readFileSync(file, "utf8"));
        return isRecord(kept) && typeof kept.credential === "string" ? kept.credential : undefined;
      } catch {
        return undefined; // it has not joined yet
      }
    },
    save(credential) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const fresh = `${file}.${process.pid}`;
      rmSync(fresh, { force: true });
      writeFileSync(fresh, JSON.stringify({ router: routerUrl, node: nodeUrl, credential }), {
        mode: 0o600,
        flag: "wx",
      });
      renameSync(fresh, file);
    },
    forget: () => rmSync(file, { force: true }),
  };
};
