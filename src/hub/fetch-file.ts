import type { Converter } from "../convert/spawn-converter.ts";
import { sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { rangesTotal } from "../store/byte-ranges.ts";
import { type FileLock, tryLockTemporaryFile } from "../store/file-lock.ts";
import type { Store } from "../store/open-store.ts";
import { allocated, deletePartial } from "../store/partial-downloads.ts";
import { type PartialIdentity, readPartial } from "../store/partial-journal.ts";
import type { NewFile } from "../store/publish-model.ts";
import type { PartialPaths } from "../store/store-layout.ts";
import { type ContentHashes, type ContentId, checkContent, contentId } from "./content-id.ts";
import { checkSpace, type DiskAccess } from "./disk-access.ts";
import { downloadFile } from "./download-file.ts";
import { findCachedBlob, reuseCachedBlob } from "./hub-cache.ts";
import type { HubContext } from "./hub-context.ts";
import type { PlannedFile, PullPlan } from "./pull-plan.ts";
import { type BlobProgress, blobProgress, type PullProgress } from "./pull-progress.ts";
import { type FileLocation, fileLocator, resolveFile } from "./resolve-file.ts";

export interface ModelFetch {
  context: HubContext;
  store: Store;
  disk: DiskAccess;
  converter: Converter;
  /** For quantizing; absent = as many as compute an answer. */
  threads?: number | undefined;
  emit(progress: PullProgress): void;
}

/** One large file of a plan, with all that is known before its first byte. */
export interface Target extends PlannedFile {
  plan: PullPlan;
  id: ContentId;
  location: FileLocation;
  sizeBytes: number;
  paths: PartialPaths;
  identity: PartialIdentity;
  label: string;
  progress: BlobProgress;
  /** Where the Hugging Face cache has it. */
  cached?: string;
}

/** The file as the store has it already; undefined where it does not, or where the Hub tells no sha256. */
export const storedFile = (store: Store, { role, file }: PlannedFile): NewFile | undefined => {
  const { path, sha256, sizeBytes } = file;
  const digest = `sha256:${sha256}`;
  if (sha256 === undefined || sizeBytes === undefined || !store.hasBlob(digest, sizeBytes)) return undefined;
  return { role, name: path, digest, sizeBytes, content: { kind: "stored" } };
};

/** Asks the Hub where the file is. Throws `gated`, `not_found` and the like. */
export const describeTarget = async (
  { context, store, emit }: ModelFetch,
  plan: PullPlan,
  planned: PlannedFile,
): Promise<Target> => {
  const { repository } = plan;
  const { file } = planned;
  const location = await resolveFile(context, repository, file);
  const sizeBytes = file.sizeBytes ?? location.sizeBytes;
  const label = `${repository.org}/${repository.name}/${file.path}`;
  if (sizeBytes === undefined || sizeBytes === 0)
    throw new AppError("hub_unavailable", `${context.settings.endpoint} does not say how large ${label} is`);
  const id = contentId(repository, file, location);
  const etag = id.algorithm === "none" ? (location.etag ?? "") : id.hex;
  const isDefault = plan.tag === plan.defaultTag;
  const digest = `${id.algorithm === "sha256" ? "sha256" : id.partialId.split("-")[0]}:${id.hex}`;
  const cached = await findCachedBlob(context.settings.cacheDir, repository, id, sizeBytes);
  return {
    ...planned,
    ...(cached === undefined ? {} : { cached }),
    plan,
    id,
    location,
    sizeBytes,
    paths: store.layout.partial(id.partialId),
    identity: { model: plan.model, isDefault, file: file.path, etag, sizeBytes },
    label,
    progress: blobProgress({ digest, hex: id.hex, total: sizeBytes }, context.clock, emit),
  };
};

/** Downloads and verifies one file. Its partial stays locked by `locks`, complete, for the publication. */
export const fetchFile = async (fetch: ModelFetch, target: Target, locks: DisposableStack): Promise<NewFile> => {
  locks.use(await lockDownload(fetch, target));
  const stored = storedFile(fetch.store, target); // by the one who had the lock before
  if (stored) {
    target.progress.finish();
    return stored;
  }
  const { role, file, sizeBytes, paths, id, cached } = target;
  const reused = cached !== undefined && (await reuse(fetch, target, cached));
  if (cached !== undefined && !reused) await checkRoom(fetch, [target]);
  const { sha256 } = reused ? { sha256: id.hex } : await downloadVerified(fetch, target);
  const content = { kind: "partial", path: paths.data } as const;
  return { role, name: file.path, digest: `sha256:${sha256}`, sizeBytes, content };
};

/** Throws `disk_full` when what is left to download of all `targets` together does not fit. */
export const checkRoom = async ({ store, disk }: ModelFetch, targets: readonly Target[]): Promise<void> => {
  const [first] = targets;
  if (!first) return;
  const { org, name } = first.plan.repository;
  await checkSpace(disk, store.dir, await leftBytes(targets), `${org}/${name}`);
};

/** Disk space that the downloads of `targets` will still take. */
const leftBytes = async (targets: readonly Target[]): Promise<number> => {
  let bytes = 0;
  for (const { paths, sizeBytes } of targets) bytes += Math.max(0, sizeBytes - (await allocated(paths.data)));
  return bytes;
};

const reuse = async ({ context, emit }: ModelFetch, target: Target, blob: string): Promise<boolean> => {
  const { paths, identity, id, progress } = target;
  const { log, signal } = context;
  const reused = await reuseCachedBlob({ blob, sha256: id.hex, paths, identity, log, signal, emit });
  if (reused) progress.finish();
  return reused;
};

const waitMs = 250;

/** Waits while another pull downloads the same content, and shows its progress. */
const lockDownload = async ({ context, store }: ModelFetch, { paths, progress }: Target): Promise<FileLock> => {
  for (let waited = false; ; waited = true) {
    const lock = tryLockTemporaryFile(paths.lock, store.layout.storeLock);
    if (lock) return lock;
    if (!waited) context.log.debug(`${paths.id} is being downloaded already; waiting for it`);
    const partial = await readPartial(paths);
    if (partial) progress.update(rangesTotal(partial.have));
    await sleep(context.clock, waitMs, context.signal);
  }
};

/** Downloads until the content is what the Hub promised; damaged content is fetched once more, from its first byte. */
const downloadVerified = async (fetch: ModelFetch, target: Target): Promise<ContentHashes> => {
  const { context, emit } = fetch;
  for (let attempt = 1; ; attempt++) {
    const hashes = await download(fetch, target);
    try {
      checkContent(target.id, hashes, target.label);
      return hashes;
    } catch (error) {
      await deletePartial(target.paths);
      if (attempt > 1) throw error;
      context.log.warn(`${(error as Error).message}; downloading it again`);
      emit({ status: "checksum mismatch, downloading again" });
    }
  }
};

const download = async ({ context, disk, emit }: ModelFetch, target: Target): Promise<ContentHashes> => {
  const { plan, file, location, paths, identity, label, progress } = target;
  return await downloadFile({
    locator: fileLocator(location, () => resolveFile(context, plan.repository, file)),
    paths,
    identity,
    algorithm: target.id.algorithm,
    label,
    disk,
    clock: context.clock,
    log: context.log,
    signal: context.signal,
    onProgress: (completed) => progress.update(completed),
    onDownloaded: (bytes) => context.onDownloaded?.(bytes),
    onComplete() {
      progress.finish();
      if (plan.files.at(-1)?.file === file) emit({ status: "verifying sha256 digest" });
    },
  });
};
