import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { DiskFile } from "./disk-access.ts";
import type { FileLocator } from "./resolve-file.ts";
import type { StreamState } from "./stream-watch.ts";

/** A running request of a part; `controller` drops this one alone. */
export interface Stream extends StreamState {
  controller: AbortController;
}

/** What the requests for the parts of one file share. */
export interface Transfer {
  readonly locator: FileLocator;
  /** The file as log and error messages call it. */
  readonly label: string;
  readonly sizeBytes: number;
  /** False after the server has shown that it ignores Range. */
  readonly ranged: boolean;
  readonly file: DiskFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Requests that are running now. */
  readonly streams: Set<Stream>;
  onWritten(start: number, end: number): void;
  /** Whether the server sends another file now than it did at first. */
  changedEtag(etag: string | undefined): boolean;
}
