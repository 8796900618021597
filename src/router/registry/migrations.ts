import type { Database } from "bun:sqlite";
import { AppError } from "../../core/errors.ts";

/** What brings a database of version n (its index) to version n + 1. Never changed once released, only added to. */
const migrations: readonly string[] = [
  `CREATE TABLE nodes (
     id TEXT PRIMARY KEY,
     url TEXT NOT NULL UNIQUE,
     name TEXT,
     kind TEXT NOT NULL,
     joined INTEGER NOT NULL,
     draining INTEGER NOT NULL,
     added_at_ms INTEGER NOT NULL,
     left_at_ms INTEGER
   ) STRICT;
   CREATE TABLE credentials (
     node_id TEXT PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
     hash TEXT NOT NULL UNIQUE
   ) STRICT;
   CREATE TABLE tokens (
     id TEXT PRIMARY KEY,
     hash TEXT NOT NULL UNIQUE,
     created_at_ms INTEGER NOT NULL,
     expires_at_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE keys (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     hash TEXT NOT NULL UNIQUE,
     scopes TEXT NOT NULL,
     requests_per_minute INTEGER,
     concurrency INTEGER,
     created_at_ms INTEGER NOT NULL
   ) STRICT;`,
];

/** Brings the database to the newest version, each step whole or not at all. Throws `conflict` for one that a newer llmlb has written. */
export const migrate = (database: Database, steps: readonly string[] = migrations): void => {
  const version = versionOf(database);
  if (version > steps.length)
    throw new AppError(
      "conflict",
      `the router's database was written by a newer llmlb (version ${version}, this one knows ${steps.length})`,
    );
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    database.transaction(() => {
      database.run(step);
      database.run(`PRAGMA user_version = ${index + 1}`);
    })();
  }
};

const versionOf = (database: Database): number =>
  database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
