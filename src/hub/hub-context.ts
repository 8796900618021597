import type { Clock } from "../core/clock.ts";
import type { HubSettings } from "../core/hub-settings.ts";
import type { Log } from "../core/log.ts";

/** What every request to a Hub needs. */
export interface HubContext {
  settings: HubSettings;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** Told of the bytes of model files that came and are on the disk. */
  onDownloaded?(bytes: number): void;
}

/** The Hub as error messages call it: `huggingface.co`, or the mirror's host and port. */
export const hubHost = ({ endpoint }: HubContext["settings"]): string =>
  URL.canParse(endpoint) ? new URL(endpoint).host : endpoint;
