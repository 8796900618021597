import { rangesTotal } from "../store/byte-ranges.ts";
import type { FileRole } from "../store/manifest.ts";
import { readPartial } from "../store/partial-journal.ts";
import { contentId } from "./content-id.ts";
import { checkSpace } from "./disk-access.ts";
import { describeTarget, type ModelFetch, storedFile } from "./fetch-file.ts";
import { findPulled, type PlannedFile, type PullPlan } from "./pull-plan.ts";

/** What a pull would do, file by file. */
export interface PullReport {
  /** `org/name:TAG`. */
  model: string;
  commit: string;
  /** Folder of the store. */
  target: string;
  /** The store has all of it, in this very state. */
  upToDate: boolean;
  files: { role: FileRole; name: string; sizeBytes: number; haveBytes: number }[];
  neededBytes: number;
  freeBytes: number;
}

/** Looks where everything is, checks access and space as a pull does, and writes nothing. */
export const reportPull = async (fetch: ModelFetch, plan: PullPlan): Promise<PullReport> => {
  const { store, disk } = fetch;
  const files: PullReport["files"] = [];
  for (const planned of plan.files) files.push(await describe(fetch, plan, planned));
  const neededBytes = files.reduce((sum, { sizeBytes, haveBytes }) => sum + sizeBytes - haveBytes, 0);
  await checkSpace(disk, store.dir, neededBytes, plan.label);
  return {
    model: plan.label,
    commit: plan.repository.commit,
    target: store.dir,
    upToDate: findPulled(store, plan) !== undefined,
    files,
    neededBytes,
    freeBytes: await disk.freeBytes(store.dir),
  };
};

const describe = async (fetch: ModelFetch, plan: PullPlan, planned: PlannedFile) => {
  const { role, file } = planned;
  const stored = storedFile(fetch.store, planned);
  if (stored) return { role, name: file.path, sizeBytes: stored.sizeBytes, haveBytes: stored.sizeBytes };
  const { sizeBytes, location } = await describeTarget(fetch, plan, planned);
  const partial = await readPartial(fetch.store.layout.partial(contentId(plan.repository, file, location).partialId));
  return { role, name: file.path, sizeBytes, haveBytes: partial ? rangesTotal(partial.have) : 0 };
};
