import { rangesTotal } from "../store/byte-ranges.ts";
import type { FileRole } from "../store/manifest.ts";
import { readPartial } from "../store/partial-journal.ts";
import { contentId } from "./content-id.ts";
import { projectorFile } from "./conversion-steps.ts";
import { type Conversion, describeConversion, pendingTargets } from "./describe-conversion.ts";
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
  /** To be downloaded. */
  neededBytes: number;
  freeBytes: number;
  /** How the model is made of the files; absent = they are the model. */
  conversion?: ReportedConversion;
}

export interface ReportedConversion {
  type: string;
  /** What the weights become first. */
  floatType: string;
  /** Disk space that is needed beside what is in use already, at the worst moment; an estimate. */
  peakBytes: number;
  /** Of the model when it is done; an estimate. */
  resultBytes: number;
  /** What the model sees with; the size is no estimate. */
  projector?: { type: string; sizeBytes: number };
  /** The repository also has encoders of pictures or sounds, which are not converted, for this reason. */
  leftOut?: string;
}

/** Looks where everything is, checks access and space as a pull does, and writes nothing. */
export const reportPull = async (fetch: ModelFetch, plan: PullPlan): Promise<PullReport> => {
  const { store, disk } = fetch;
  const pulled = findPulled(store, plan);
  const conversion = pulled || !plan.conversion ? undefined : await describeConversion(fetch, plan, plan.conversion);
  const files: PullReport["files"] = [];
  for (const planned of plan.files)
    files.push(isSpent(plan, conversion, planned) ? describeSpent(planned) : await describe(fetch, plan, planned));
  const neededBytes = files.reduce((sum, { sizeBytes, haveBytes }) => sum + sizeBytes - haveBytes, 0);
  await checkSpace(disk, store.dir, conversion ? conversion.steps.peakBytes : neededBytes, plan.label);
  return {
    model: plan.label,
    commit: plan.repository.commit,
    target: store.dir,
    upToDate: pulled !== undefined,
    files,
    neededBytes,
    freeBytes: await disk.freeBytes(store.dir),
    ...(conversion ? { conversion: inShort(conversion) } : {}),
  };
};

const inShort = ({ planned, encoders, steps }: Conversion): ReportedConversion => {
  const { floatType, peakBytes, resultBytes, projectorBytes } = steps;
  const { leftOut } = encoders;
  return {
    ...{ type: planned.type, floatType, peakBytes, resultBytes },
    ...(projectorBytes !== undefined && { projector: { type: projectorFile.type, sizeBytes: projectorBytes } }),
    ...(leftOut !== undefined && { leftOut }),
  };
};

/** Whether the file is not to be downloaded: weights that are converted, or that the index does not name, or all of them where the model is made. */
const isSpent = (plan: PullPlan, conversion: Conversion | undefined, { file }: PlannedFile): boolean => {
  if (!plan.conversion) return false;
  if (!conversion?.steps.convert) return true;
  return !pendingTargets(conversion, conversion.steps.unmade).some((target) => target.file === file);
};

const describeSpent = ({ role, file: { path, sizeBytes = 0 } }: PlannedFile) => ({
  ...{ role, name: path, sizeBytes, haveBytes: sizeBytes },
});

const describe = async (fetch: ModelFetch, plan: PullPlan, planned: PlannedFile) => {
  const { role, file } = planned;
  const stored = storedFile(fetch.store, planned);
  if (stored) return { role, name: file.path, sizeBytes: stored.sizeBytes, haveBytes: stored.sizeBytes };
  const { sizeBytes, location } = await describeTarget(fetch, plan, planned);
  const partial = await readPartial(fetch.store.layout.partial(contentId(plan.repository, file, location).partialId));
  return { role, name: file.path, sizeBytes, haveBytes: partial ? rangesTotal(partial.have) : 0 };
};
