import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type ByteRanges, rangesTotal } from "../store/byte-ranges.ts";
import { deletePartial } from "../store/partial-downloads.ts";
import { openJournal, type PartialIdentity, readPartial } from "../store/partial-journal.ts";
import type { PartialPaths } from "../store/store-layout.ts";
import type { ContentHashes, ContentId } from "./content-id.ts";
import { type DiskAccess, diskError } from "./disk-access.ts";
import { fetchParts } from "./fetch-parts.ts";
import { WriteError } from "./part-writer.ts";
import { newPart, planParts } from "./plan-parts.ts";
import type { Restart } from "./range-request.ts";
import type { FileLocator } from "./resolve-file.ts";
import { trailingHash } from "./trailing-hash.ts";
import { writeLedger } from "./write-ledger.ts";

export interface DownloadRequest {
  locator: FileLocator;
  paths: PartialPaths;
  identity: PartialIdentity;
  algorithm: ContentId["algorithm"];
  /** The file as log and error messages call it. */
  label: string;
  disk: DiskAccess;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** Called with the bytes on the disk after every write; they fall only when the file has to start again. */
  onProgress(completedBytes: number): void;
  /** Called with the number of bytes of every write. */
  onDownloaded(bytes: number): void;
  /** Called when all bytes are here and only the rest of the hash is missing. */
  onComplete(): void;
}

/** What of a file is on the disk, and how to fetch the rest. */
interface StartingPoint {
  have: ByteRanges;
  synced: ByteRanges;
  ranged: boolean;
}

const restartsMax = 3;

/**
 * Downloads a file into the partial's data file, going on where an earlier download of the same content stopped, and hashes it.
 * The caller holds the partial's lock. On failure what was downloaded is kept. Throws AppError.
 */
export const downloadFile = async (request: DownloadRequest): Promise<ContentHashes> => {
  let point = await startingPoint(request);
  for (let restarts = 0; restarts <= restartsMax; restarts++) {
    const outcome = await runOnce(request, point);
    if (!("kind" in outcome)) return outcome;
    request.log.info(`${request.label}: ${outcome.reason}; starting again`);
    point = { have: [], synced: [], ranged: outcome.ranged };
  }
  throw new AppError("hub_unavailable", `${request.label} changes while it is downloaded; try again later`);
};

const startingPoint = async ({ paths, identity, label, log }: DownloadRequest): Promise<StartingPoint> => {
  const found = await readPartial(paths);
  const same = found?.etag === identity.etag && found.sizeBytes === identity.sizeBytes;
  if (found && !same) log.info(`${label} changed on the Hub; starting again`);
  if (!found || !same || found.have.length === 0) {
    // Not to be written to: a data file without a byte of ours may be a hard link to another program's cache (hub-cache.ts).
    await deletePartial(paths);
    return { have: [], synced: [], ranged: true };
  }
  log.debug(`${label}: going on with ${rangesTotal(found.have)} bytes that are here`);
  return { have: found.have, synced: found.synced, ranged: true };
};

const runOnce = async (request: DownloadRequest, point: StartingPoint): Promise<ContentHashes | Restart> => {
  const { paths, identity, clock, onProgress, locator, label, log, signal } = request;
  const { have, ranged } = point;
  const { sizeBytes } = identity;
  let completedBytes = rangesTotal(have);
  const counted = (completed: number) => {
    completedBytes = completed;
    onProgress(completed);
  };
  try {
    using journal = await openJournal(paths, identity, point.synced);
    const file = await request.disk.open(paths.data, sizeBytes);
    await using _closing = { [Symbol.asyncDispose]: () => file.close() };
    const hash = trailingHash(paths.data, sizeBytes, request.algorithm);
    using _stopping = { [Symbol.dispose]: () => hash.stop() };
    await using ledger = writeLedger({ journal, file, hash, have, clock, onProgress: counted });
    const parts = ranged ? planParts(have, sizeBytes) : [newPart(0, sizeBytes)];
    const onWritten = (start: number, end: number) => {
      request.onDownloaded(end - start);
      ledger.onWritten(start, end);
    };
    const restart = await fetchParts({ locator, label, log, signal, clock, file, sizeBytes, ranged, onWritten }, parts);
    if (restart) return restart;
    request.onComplete();
    await ledger.settle(); // the system tells a failed sync once; publication's own would not see it any more
    return await hash.digest;
  } catch (error) {
    const at = { disk: request.disk, folder: dirname(paths.data), neededBytes: sizeBytes - completedBytes };
    throw await diskError(error instanceof WriteError ? error.cause : error, at);
  }
};
