import { Database } from "bun:sqlite";
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { KeyScope, NodeKind } from "../../api/router.ts";
import { AppError } from "../../core/errors.ts";
import { migrate } from "./migrations.ts";
import type { Registry, StoredKey, StoredNode, StoredToken } from "./registry.ts";
import { openUpstreamKeys } from "./upstream-keys.ts";

/**
 * The registry of one router in an SQLite file of mode 0600, with the keys of nodes in a folder beside it.
 * Throws `conflict` while another router has the file open, `corrupt` for a file that is no database.
 */
export const openSqliteRegistry = (file: string): Registry => {
  const database = openDatabase(file);
  const upstreamKeys = openUpstreamKeys(`${file}-keys`);
  return {
    ...nodeTable(database),
    ...tokenTable(database),
    ...keyTable(database),
    async removeNode(id) {
      upstreamKeys.remove(id);
      database.run("DELETE FROM nodes WHERE id = ?", [id]);
    },
    upstreamKeys: async () => upstreamKeys.all(),
    saveUpstreamKey: async (nodeId, key) => upstreamKeys.save(nodeId, key),
    close: async () => database.close(),
  };
};

const openDatabase = (file: string): Database => {
  let database: Database | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a", 0o600)); // before SQLite makes it with the umask's mode; its -wal takes the mode of the file
    chmodSync(file, 0o600);
    database = new Database(file, { strict: true });
    // One router at a time: what the other one changes would not be seen. The lock ends with the process.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL"); // writes are rare, and a key that was told must be there after a power cut
    database.run("PRAGMA foreign_keys = ON");
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    throw toOpenError(error, file);
  }
};

const openErrors: Readonly<Record<string, (file: string) => AppError>> = {
  SQLITE_BUSY: (file) =>
    new AppError("conflict", `another router uses ${file}; LLMLB_ROUTER_DB gives this one a file of its own`),
  SQLITE_NOTADB: (file) => new AppError("corrupt", `${file} is not a database of an llmlb router`),
};

const toOpenError = (error: unknown, file: string): AppError => {
  if (error instanceof AppError) return error;
  const { code = "", message } = error as Error & { code?: string };
  const known = openErrors[code];
  return known?.(file) ?? new AppError("internal", `cannot open the router's database ${file}: ${message}`);
};

interface NodeRow {
  id: string;
  url: string;
  name: string | null;
  kind: string;
  joined: number;
  draining: number;
  added_at_ms: number;
  left_at_ms: number | null;
}

const nodeTable = (
  database: Database,
): Pick<Registry, "nodes" | "saveNode" | "saveCredential" | "nodeOfCredential"> => ({
  nodes: async () => database.query<NodeRow, []>("SELECT * FROM nodes ORDER BY added_at_ms, id").all().map(toNode),
  async saveNode({ id, url, name, kind, joined, draining, addedAtMs, leftAtMs }) {
    database.run(
      `INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET url = excluded.url, name = excluded.name, kind = excluded.kind,
         joined = excluded.joined, draining = excluded.draining, left_at_ms = excluded.left_at_ms`,
      [id, url, name ?? null, kind, Number(joined), Number(draining), addedAtMs, leftAtMs ?? null],
    );
  },
  async saveCredential(nodeId, hash) {
    database.run("INSERT OR REPLACE INTO credentials VALUES (?, ?)", [nodeId, hash]);
  },
  nodeOfCredential: async (hash) =>
    database.query<{ node_id: string }, [string]>("SELECT node_id FROM credentials WHERE hash = ?").get(hash)?.node_id,
});

const toNode = (row: NodeRow): StoredNode => ({
  id: row.id,
  url: row.url,
  ...(row.name !== null && { name: row.name }),
  kind: row.kind as NodeKind,
  joined: row.joined === 1,
  draining: row.draining === 1,
  addedAtMs: row.added_at_ms,
  ...(row.left_at_ms !== null && { leftAtMs: row.left_at_ms }),
});

interface TokenRow {
  id: string;
  created_at_ms: number;
  expires_at_ms: number;
}

const tokenTable = (
  database: Database,
): Pick<Registry, "tokens" | "addToken" | "hasToken" | "takeToken" | "removeToken"> => ({
  tokens: async () =>
    database.query<TokenRow, []>("SELECT * FROM tokens ORDER BY created_at_ms, id").all().map(toToken),
  async addToken({ id, hash, createdAtMs, expiresAtMs }) {
    database.run("DELETE FROM tokens WHERE expires_at_ms <= ?", [createdAtMs]);
    database.run("INSERT INTO tokens VALUES (?, ?, ?, ?)", [id, hash, createdAtMs, expiresAtMs]);
  },
  hasToken: async (hash, nowMs) =>
    database
      .query<TokenRow, [string, number]>("SELECT * FROM tokens WHERE hash = ? AND expires_at_ms > ?")
      .get(hash, nowMs) !== null,
  takeToken: async (hash, nowMs) =>
    database.run("DELETE FROM tokens WHERE hash = ? AND expires_at_ms > ?", [hash, nowMs]).changes > 0,
  removeToken: async (id) => database.run("DELETE FROM tokens WHERE id = ?", [id]).changes > 0,
});

const toToken = (row: TokenRow): StoredToken => ({
  id: row.id,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
});

interface KeyRow {
  id: string;
  name: string;
  hash: string;
  scopes: string;
  requests_per_minute: number | null;
  concurrency: number | null;
  created_at_ms: number;
}

const keyTable = (database: Database): Pick<Registry, "keys" | "addKey" | "removeKey"> => ({
  keys: async () => database.query<KeyRow, []>("SELECT * FROM keys ORDER BY created_at_ms, id").all().map(toKey),
  async addKey({ id, name, hash, scopes, requestsPerMinute, concurrency, createdAtMs }) {
    database.run("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", [
      id,
      name,
      hash,
      JSON.stringify(scopes),
      requestsPerMinute ?? null,
      concurrency ?? null,
      createdAtMs,
    ]);
  },
  removeKey: async (id) => database.run("DELETE FROM keys WHERE id = ?", [id]).changes > 0,
});

const toKey = (row: KeyRow): StoredKey => ({
  id: row.id,
  name: row.name,
  hash: row.hash,
  scopes: JSON.parse(row.scopes) as KeyScope[],
  ...(row.requests_per_minute !== null && { requestsPerMinute: row.requests_per_minute }),
  ...(row.concurrency !== null && { concurrency: row.concurrency }),
  createdAtMs: row.created_at_ms,
});
