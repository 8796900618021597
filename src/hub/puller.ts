import type { Converter } from "../convert/spawn-converter.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { HubSettings } from "../core/hub-settings.ts";
import type { Log } from "../core/log.ts";
import { formatModelRef, type HubRef } from "../core/model-ref.ts";
import type { Store } from "../store/open-store.ts";
import type { StoredModel } from "../store/scan-models.ts";
import { type DiskAccess, systemDisk } from "./disk-access.ts";
import { fetchModel } from "./fetch-model.ts";
import type { HubContext } from "./hub-context.ts";
import { findPulled, type PullPlan, planPull } from "./pull-plan.ts";
import type { PullProgress } from "./pull-progress.ts";
import { type PullReport, reportPull } from "./pull-report.ts";
import { countPull, noPulls, type PullStats } from "./pull-stats.ts";
import { fetchRepository } from "./repository.ts";
import { type SharedFlights, sharedFlights } from "./shared-flights.ts";

export interface PullerOptions {
  store: Store;
  converter: Converter;
  /** For quantizing; default: as many as compute an answer. */
  threads?: number | undefined;
  settings: HubSettings;
  clock: Clock;
  log: Log;
  /** Default: the real disk. */
  disk?: DiskAccess;
}

export interface PullOptions {
  /** Ends the pull; what was downloaded is kept, unless another caller goes on with it. */
  signal?: AbortSignal;
  onProgress?(progress: PullProgress): void;
}

/** Brings models from the Hub into the store. One for each process: callers that want the same model share one download. */
export interface Puller {
  /**
   * Pulls a model, or confirms with one request that the store has its newest state. Throws AppError: `gated`, `model_not_found`,
   * `not_found`, `unauthorized`, `forbidden`, `rate_limited`, `hub_unavailable`, `unsupported`, `disk_full`, `corrupt`; or the signal's reason.
   */
  pull(ref: HubRef, options?: PullOptions): Promise<StoredModel>;
  /** What `pull` would do; writes nothing. Throws like it. */
  plan(ref: HubRef, options?: Pick<PullOptions, "signal">): Promise<PullReport>;
  stats(): PullStats;
}

export const createPuller = (options: PullerOptions): Puller => {
  const state: State = { ...options, flights: sharedFlights(), stats: noPulls() };
  return {
    pull: (ref, { signal, onProgress } = {}) =>
      countPull(state.stats, signal, () => pull(state, ref, { signal, onProgress })),
    plan: (ref, { signal } = {}) => plan(options, ref, signal ?? new AbortController().signal),
    stats: () => state.stats,
  };
};

const plan = async (options: PullerOptions, ref: HubRef, signal: AbortSignal): Promise<PullReport> => {
  const { store, settings, clock, log, converter, disk = systemDisk } = options;
  if (settings.offline) throw isOffline(ref);
  const context: HubContext = { settings, clock, log, signal };
  const planned = planPull(await fetchRepository(context, ref), ref);
  return await reportPull({ context, store, disk, converter, emit: () => undefined }, planned);
};

interface Caller {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: PullProgress) => void) | undefined;
}

interface State extends PullerOptions {
  flights: SharedFlights<PullProgress, StoredModel>;
  stats: PullStats;
}

const pull = async (state: State, ref: HubRef, caller: Caller): Promise<StoredModel> => {
  const { store, settings, clock, log, converter, threads, disk = systemDisk, flights, stats } = state;
  const signal = caller.signal ?? new AbortController().signal;
  const onEvent = (progress: PullProgress) => caller.onProgress?.(progress);
  signal.throwIfAborted();
  if (settings.offline) return offline(store, ref);
  onEvent({ status: "pulling manifest" });
  const planned = planPull(await fetchRepository({ settings, clock, log, signal }, ref), ref);
  const pulled = findPulled(store, planned);
  const download = (emit: (progress: PullProgress) => void, flightSignal: AbortSignal) => {
    const onDownloaded = (bytes: number) => {
      stats.downloadedBytes += bytes;
    };
    const context: HubContext = { settings, clock, log, signal: flightSignal, onDownloaded };
    return fetchModel({ context, store, disk, converter, threads, emit }, planned);
  };
  const model = pulled
    ? confirm(store, pulled, clock, onEvent)
    : await flights.join(flightKey(planned), download, { onEvent, signal });
  onEvent({ status: "success" });
  return model;
};

/** With HF_HUB_OFFLINE what is here is enough, as it is for huggingface_hub. */
const offline = (store: Store, ref: HubRef): StoredModel => {
  const stored = store.find(ref);
  if (stored) return stored;
  throw isOffline(ref);
};

const isOffline = (ref: HubRef) =>
  new AppError("hub_unavailable", `cannot pull "${formatModelRef(ref)}": HF_HUB_OFFLINE is set`);

const confirm = (store: Store, model: StoredModel, clock: Clock, onEvent: (progress: PullProgress) => void) => {
  for (const { role, digest, sizeBytes } of model.manifest.files)
    if (role === "model" || role === "projector")
      onEvent({ status: `pulling ${digest.slice(7, 19)}`, digest, total: sizeBytes, completed: sizeBytes });
  return store.touch(model, clock.now());
};

const flightKey = ({ model, repository, files, revision, defaultTag }: PullPlan): string =>
  [
    ...[model.host, model.org, model.name, model.tag, repository.commit, revision, defaultTag],
    ...files.map(({ file }) => file.path),
  ].join("\n");
