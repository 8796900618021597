import { sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { rangesTotal } from "../store/byte-ranges.ts";
import { type FileLock, tryLockTemporaryFile } from "../store/file-lock.ts";
import type { Store } from "../store/open-store.ts";
import { allocated, deletePartial } from "../store/partial-downloads.ts";
import { type PartialIdentity, readPartial } from "../store/partial-journal.ts";
import type { NewFile } from "../store/publish-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { PartialPaths } from "../store/store-layout.ts";
import { type ContentHashes, type ContentId, checkContent, contentId } from "./content-id.ts";
import { checkSpace, type DiskAccess } from "./disk-access.ts";
import { downloadFile } from "./download-file.ts";
import { fetchLicense } from "./fetch-license.ts";
import { findCachedBlob, reuseCachedBlob } from "./hub-cache.ts";
import type { HubContext } from "./hub-context.ts";
import type { PullPlan } from "./pull-plan.ts";
import { type BlobProgress, blobProgress, type PullProgress } from "./pull-progress.ts";
import { type FileLocation, fileLocator, resolveFile } from "./resolve-file.ts";

export interface ModelFetch {
  context: HubContext;
  store: Store;
  disk: DiskAccess;
  emit(progress: PullProgress): void;
}

/** The one file of a plan that is large, with all that is known before its first byte. */
interface Target {
  plan: PullPlan;
  id: ContentId;
  location: FileLocation;
  sizeBytes: number;
  paths: PartialPaths;
  identity: PartialIdentity;
  label: string;
  progress: BlobProgress;
}

const roundsMax = 3; // an `rm` beside the pull may free a blob that the pull has counted on; twice in a row is bad luck

/** Downloads, verifies and publishes what `plan` says. Nothing is written before access and disk space are certain. */
export const fetchModel = async (fetch: ModelFetch, plan: PullPlan): Promise<StoredModel> => {
  for (let round = 1; round <= roundsMax; round++) {
    const stored = storedFile(fetch.store, plan);
    const model = stored ? await publish(fetch, plan, stored) : await fetchAndPublish(fetch, plan);
    if (model) return model;
  }
  throw new AppError(
    "busy",
    `"${plan.repository.org}/${plan.repository.name}" is removed while it is pulled; pull again`,
  );
};

const fetchAndPublish = async (fetch: ModelFetch, plan: PullPlan): Promise<StoredModel | undefined> => {
  const { store } = fetch;
  const target = await describeTarget(fetch, plan);
  const { paths, sizeBytes, id } = target;
  const cached = await findCachedBlob(fetch.context.settings.cacheDir, plan.repository, id, sizeBytes);
  if (cached === undefined) await checkRoom(fetch, target);
  using _lock = await lockDownload(fetch, target);
  const stored = storedFile(store, plan); // by the one who had the lock before
  if (stored) return await publish(fetch, plan, stored);
  const stale = await store.discardPartials(plan.model, paths.id);
  if (stale > 0) fetch.context.log.info(`${target.label} changed on the Hub since its download began; starting again`);
  const reused = cached !== undefined && (await reuse(fetch, target, cached));
  if (cached !== undefined && !reused) await checkRoom(fetch, target);
  const { sha256 } = reused ? { sha256: id.hex } : await downloadVerified(fetch, target);
  const content = { kind: "partial", path: paths.data } as const;
  const file = { role: "model", name: plan.file.path, digest: `sha256:${sha256}`, sizeBytes, content } as const;
  try {
    return await publish(fetch, plan, file);
  } catch (error) {
    if (error instanceof AppError && error.code === "corrupt") await deletePartial(paths); // right bytes, but no model
    throw error;
  } finally {
    if (store.hasBlob(file.digest, sizeBytes)) await deletePartial(paths);
  }
};

const checkRoom = async ({ store, disk }: ModelFetch, { paths, sizeBytes, plan }: Target): Promise<void> => {
  const neededBytes = Math.max(0, sizeBytes - (await allocated(paths.data)));
  await checkSpace(disk, store.dir, neededBytes, `${plan.repository.org}/${plan.repository.name}`);
};

const reuse = async ({ context, emit }: ModelFetch, target: Target, blob: string): Promise<boolean> => {
  const { paths, identity, id, progress } = target;
  const { log, signal } = context;
  const reused = await reuseCachedBlob({ blob, sha256: id.hex, paths, identity, log, signal, emit });
  if (reused) progress.finish();
  return reused;
};

const describeTarget = async ({ context, store, emit }: ModelFetch, plan: PullPlan): Promise<Target> => {
  const { repository, file } = plan;
  const location = await resolveFile(context, repository, file);
  const sizeBytes = file.sizeBytes ?? location.sizeBytes;
  const label = `${repository.org}/${repository.name}/${file.path}`;
  if (sizeBytes === undefined || sizeBytes === 0)
    throw new AppError("hub_unavailable", `${context.settings.endpoint} does not say how large ${label} is`);
  const id = contentId(repository, file, location);
  const etag = id.algorithm === "none" ? (location.etag ?? "") : id.hex;
  const isDefault = plan.tag === plan.defaultTag;
  const digest = `${id.algorithm === "sha256" ? "sha256" : id.partialId.split("-")[0]}:${id.hex}`;
  return {
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
  const { plan, location, paths, identity, label, progress } = target;
  return await downloadFile({
    locator: fileLocator(location, () => resolveFile(context, plan.repository, plan.file)),
    paths,
    identity,
    algorithm: target.id.algorithm,
    label,
    disk,
    clock: context.clock,
    log: context.log,
    signal: context.signal,
    onProgress: (completed) => progress.update(completed),
    onComplete() {
      progress.finish();
      emit({ status: "verifying sha256 digest" });
    },
  });
};

const storedFile = (store: Store, plan: PullPlan): NewFile | undefined => {
  const { path, sha256, sizeBytes } = plan.file;
  const digest = `sha256:${sha256}`;
  if (sha256 === undefined || sizeBytes === undefined || !store.hasBlob(digest, sizeBytes)) return undefined;
  return { role: "model", name: path, digest, sizeBytes, content: { kind: "stored" } };
};

/** Undefined when a blob that was in the store has been freed since. */
const publish = async (fetch: ModelFetch, plan: PullPlan, file: NewFile): Promise<StoredModel | undefined> => {
  const { context, store, emit } = fetch;
  const { repository, quantization, revision } = plan;
  const { digest, sizeBytes } = file;
  const hex = digest.slice("sha256:".length);
  if (file.content.kind === "stored")
    emit({ status: `pulling ${hex.slice(0, 12)}`, digest, total: sizeBytes, completed: sizeBytes });
  const license = await fetchLicense(context, repository);
  context.signal.throwIfAborted();
  emit({ status: "writing manifest" });
  const publication = await store.publish({
    model: plan.model,
    defaultTag: plan.defaultTag,
    source: {
      endpoint: context.settings.endpoint,
      repository: `${repository.org}/${repository.name}`,
      commit: repository.commit,
      ...(revision === undefined ? {} : { revision }),
      file: plan.file.path,
    },
    files: license ? [file, licenseFile(license)] : [file],
    ...(repository.license === undefined ? {} : { license: repository.license }),
    ...(quantization === undefined ? {} : { quantization }),
  });
  return publication.kind === "published" ? publication.model : undefined;
};

const licenseFile = ({ path, bytes, sha256 }: NonNullable<Awaited<ReturnType<typeof fetchLicense>>>): NewFile => ({
  role: "license",
  name: path,
  digest: `sha256:${sha256}`,
  sizeBytes: bytes.length,
  content: { kind: "bytes", bytes },
});
