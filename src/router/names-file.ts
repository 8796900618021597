import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { isRecord } from "../core/json.ts";
import type { Log } from "../core/log.ts";
import type { ModelNames } from "./choice/resolve-model.ts";

/** Aliases and fallbacks of models, as the file says now. */
export interface NamesFile {
  current(): ModelNames;
  close(): void;
}

export interface NamesFileOptions {
  /** TOML with the tables `aliases` and `fallbacks`; need not exist. */
  path: string;
  clock: Clock;
  log: Log;
}

const none: ModelNames = { aliases: new Map(), fallbacks: new Map() };
const lookMs = 2_000; // a look is one stat; editors replace files, which a watch of the file itself would miss
const sizeMaxBytes = 1024 * 1024;

/** Reads the file, and again whenever it changes. Throws `invalid_argument` for one that is wrong; later such a change is only told of. */
export const openNamesFile = ({ path, clock, log }: NamesFileOptions): NamesFile => {
  let seen = stampOf(path);
  let names = seen === undefined ? none : readNames(path);
  const look = (): void => {
    const stamp = stampOf(path);
    if (stamp !== seen) {
      seen = stamp;
      try {
        names = stamp === undefined ? none : readNames(path);
        log.info(`read ${path}: ${names.aliases.size} aliases, ${names.fallbacks.size} fallbacks`);
      } catch (error) {
        log.warn(`${toAppError(error).message}; the names that it had before stay`);
      }
    }
    cancel = clock.after(lookMs, look);
  };
  let cancel = clock.after(lookMs, look);
  return { current: () => names, close: () => cancel() };
};

const stampOf = (path: string): string | undefined => {
  const status = statSync(path, { throwIfNoEntry: false });
  return status && `${status.mtimeMs} ${status.size} ${status.ino}`;
};

const readNames = (path: string): ModelNames => {
  const wrong = (reason: string) => new AppError("invalid_argument", `${path}: ${reason}`);
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > sizeMaxBytes) throw new Error(`larger than ${sizeMaxBytes} bytes`);
    return parseNames(text);
  } catch (error) {
    throw wrong(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
};

/** Throws an error that says what is wrong where. */
export const parseNames = (toml: string): ModelNames => {
  const file = Bun.TOML.parse(toml);
  if (!isRecord(file)) throw new Error("expected tables");
  const { aliases = {}, fallbacks = {}, ...others } = file;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) throw new Error(`unknown table "${stranger}": expected aliases and fallbacks`);
  return {
    aliases: tableOf("aliases", aliases, (value) => (isName(value) ? value : undefined), "the name of a model"),
    fallbacks: tableOf(
      "fallbacks",
      fallbacks,
      (value) => (Array.isArray(value) && value.every(isName) ? value : undefined),
      "a list of names of models",
    ),
  };
};

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.trim() !== "" && value.length <= 200;

const tableOf = <T>(table: string, value: unknown, read: (value: unknown) => T | undefined, expected: string) => {
  if (!isRecord(value)) throw new Error(`"${table}" is no table`);
  return new Map(
    Object.entries(value).map(([name, entry]): [string, T] => {
      const found = read(entry);
      if (found === undefined) throw new Error(`"${name}" in ${table}: expected ${expected}`);
      return [name.toLowerCase(), found];
    }),
  );
};
