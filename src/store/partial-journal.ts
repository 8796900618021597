import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { bootId } from "./boot-id.ts";
import { addRange, type ByteRanges, parseRanges } from "./byte-ranges.ts";
import { writeFileDurably } from "./durable-file.ts";
import { sizeOf } from "./file-size.ts";
import { isModelName, type ModelName, storeSchemaVersion } from "./manifest.ts";
import type { PartialPaths } from "./store-layout.ts";

/** What an unfinished download is a download of. */
export interface PartialIdentity {
  model: ModelName;
  /** Whether the model is its repository's default quantization. */
  isDefault: boolean;
  /** Path inside the repository. */
  file: string;
  /** Changes when the remote content does. */
  etag: string;
  sizeBytes: number;
}

export interface PartialRecord extends PartialIdentity {
  /** Bytes that survive a power cut. */
  synced: ByteRanges;
}

/** Remembers which bytes of a download are on the disk, through a kill (written ones) and a power cut (synced ones). */
export interface PartialJournal extends Disposable {
  /** Hands the ranges written so far to the system; they survive the death of this process. */
  flush(written: ByteRanges): void;
  /** Records ranges that an fsync has covered. */
  checkpoint(synced: ByteRanges): Promise<void>;
}

/** Reads what is left of a download; undefined when there is none or it cannot be trusted. */
export const readPartial = async (paths: PartialPaths): Promise<(PartialRecord & { have: ByteRanges }) | undefined> => {
  const record = readRecord(paths.journal);
  if (!record || (await sizeOf(paths.data)) !== record.sizeBytes) return undefined;
  const written = readWritten(paths.written, record) ?? [];
  return { ...record, have: written.reduce(addRange, record.synced) };
};

/** Starts or goes on with a journal. Made durable before the first byte of data is written. */
export const openJournal = async (
  paths: PartialPaths,
  identity: PartialIdentity,
  synced: ByteRanges,
): Promise<PartialJournal> => {
  const checkpoint = (ranges: ByteRanges) => {
    const record = { schemaVersion: storeSchemaVersion, ...identity, synced: ranges };
    return writeFileDurably(paths.journal, `${JSON.stringify(record)}\n`);
  };
  await checkpoint(synced);
  const handle = openSync(paths.written, "w"); // what the old one said is in `written` at the first flush
  const boot = bootId();
  let lengthBefore = 0;
  return {
    checkpoint,
    // In place and in one write: a kill cannot tear it, and it costs microseconds. A power cut may, but then the boot
    // differs and nothing here counts. Spaces cover what a longer record left behind.
    flush(written) {
      const record = { schemaVersion: storeSchemaVersion, boot, etag: identity.etag, written };
      const text = `${JSON.stringify(record)}\n`;
      writeSync(handle, text.padEnd(lengthBefore), 0);
      lengthBefore = text.length;
    },
    [Symbol.dispose]() {
      closeSync(handle);
    },
  };
};

const readRecord = (path: string): PartialRecord | undefined => {
  const value = readJson(path);
  if (!value || !isModelName(value.model) || typeof value.isDefault !== "boolean") return undefined;
  const { model, isDefault, file, etag, sizeBytes } = value;
  if (typeof file !== "string" || typeof etag !== "string") return undefined;
  if (typeof sizeBytes !== "number" || !Number.isSafeInteger(sizeBytes)) return undefined;
  const synced = parseRanges(value.synced, sizeBytes);
  return synced && { model, isDefault, file, etag, sizeBytes, synced };
};

const readWritten = (path: string, record: PartialIdentity): ByteRanges | undefined => {
  const value = readJson(path);
  if (!value || value.boot !== bootId() || value.etag !== record.etag) return undefined;
  return parseRanges(value.written, record.sizeBytes);
};

const readJson = (path: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const record = value as Record<string, unknown>;
    return record.schemaVersion === storeSchemaVersion ? record : undefined;
  } catch {
    return undefined;
  }
};
