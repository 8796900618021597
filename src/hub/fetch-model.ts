import { AppError } from "../core/errors.ts";
import { deletePartial } from "../store/partial-downloads.ts";
import type { NewFile } from "../store/publish-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import { fetchConverted } from "./fetch-converted.ts";
import { checkRoom, describeTarget, fetchFile, type ModelFetch, storedFile, type Target } from "./fetch-file.ts";
import { publishPulled } from "./publish-pulled.ts";
import type { PullPlan } from "./pull-plan.ts";

const roundsMax = 3; // an `rm` beside the pull may free a blob that the pull has counted on; twice in a row is bad luck

/** Downloads, verifies, converts where it must, and publishes what `plan` says. Nothing is written before access and disk space are certain. */
export const fetchModel = async (fetch: ModelFetch, plan: PullPlan): Promise<StoredModel> => {
  for (let round = 1; round <= roundsMax; round++) {
    const { conversion } = plan;
    const model = await (conversion ? fetchConverted(fetch, plan, conversion) : fetchAndPublish(fetch, plan));
    if (model) return model;
  }
  throw new AppError(
    "busy",
    `"${plan.repository.org}/${plan.repository.name}" is removed while it is pulled; pull again`,
  );
};

/** Undefined when a blob that was in the store has been freed since. */
const fetchAndPublish = async (fetch: ModelFetch, plan: PullPlan): Promise<StoredModel | undefined> => {
  const { store, context } = fetch;
  const sources = await Promise.all(
    plan.files.map(async (planned) => storedFile(store, planned) ?? (await describeTarget(fetch, plan, planned))),
  );
  const targets = sources.filter(isTarget);
  // What the Hugging Face cache has costs a hash, and space only where it cannot be linked.
  await checkRoom(
    fetch,
    targets.filter(({ cached }) => cached === undefined),
  );
  using locks = new DisposableStack();
  if (targets.length > 0) {
    const stale = await store.discardUnfinished(
      plan.model,
      targets.map(({ paths }) => paths.id),
    );
    if (stale > 0) context.log.info(`${plan.label} changed on the Hub since its download began; starting again`);
  }
  const files: NewFile[] = [];
  for (const source of sources)
    files.push(isTarget(source) ? await fetchFile(fetch, source, locks) : showStored(fetch, source));
  return await publishFetched(fetch, plan, files, targets);
};

const isTarget = (source: NewFile | Target): source is Target => "plan" in source;

const showStored = ({ emit }: ModelFetch, file: NewFile): NewFile => {
  const { digest, sizeBytes } = file;
  const hex = digest.slice("sha256:".length);
  emit({ status: `pulling ${hex.slice(0, 12)}`, digest, total: sizeBytes, completed: sizeBytes });
  return file;
};

/** The partials go when their content has become blobs, or turns out to be no model. */
const publishFetched = async (fetch: ModelFetch, plan: PullPlan, files: NewFile[], targets: readonly Target[]) => {
  try {
    return await publishPulled(fetch, plan, files);
  } catch (error) {
    if (error instanceof AppError && error.code === "corrupt")
      // right bytes, but no model
      for (const { paths } of targets) await deletePartial(paths);
    throw error;
  } finally {
    for (const { file, paths, sizeBytes } of targets) {
      const digest = files.find(({ name }) => name === file.path)?.digest;
      if (digest && fetch.store.hasBlob(digest, sizeBytes)) await deletePartial(paths);
    }
  }
};
