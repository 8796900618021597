import { join } from "node:path";
import { converterVersion } from "../convert/converter-version.ts";
import { sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import {
  type ConversionRecord,
  dropConversion,
  dropHalfDone,
  type FinishedFile,
  noteDigest,
  writeConversion,
} from "../store/conversion-folder.ts";
import { type FileLock, tryLockTemporaryFile } from "../store/file-lock.ts";
import type { NewFile } from "../store/publish-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { ConversionPaths } from "../store/store-layout.ts";
import type { PlannedConversion } from "./choose-conversion.ts";
import { convertWeights, quantizeFloats } from "./convert-weights.ts";
import { type Conversion, describeConversion, refreshConversion } from "./describe-conversion.ts";
import { checkSpace } from "./disk-access.ts";
import type { ModelFetch } from "./fetch-file.ts";
import { publishPulled } from "./publish-pulled.ts";
import { findPulled, type PullPlan } from "./pull-plan.ts";
import { trailingHash } from "./trailing-hash.ts";

/**
 * Downloads weights, makes a GGUF of them and publishes that; goes on with what an earlier attempt has finished. Nothing is written before it is
 * certain that the model can be converted and that there is room. Undefined when the model was removed meanwhile.
 */
export const fetchConverted = async (
  fetch: ModelFetch,
  plan: PullPlan,
  planned: PlannedConversion,
): Promise<StoredModel | undefined> => {
  const before = await describeConversion(fetch, plan, planned);
  if (before.plan.hasEncoders) fetch.emit({ status: "converting the text part only: the model will not see or hear" });
  await checkSpace(fetch.disk, fetch.store.dir, before.steps.peakBytes, plan.label);
  using _lock = await lockConversion(fetch, before.paths);
  const pulled = findPulled(fetch.store, plan); // by the one who had the lock before
  if (pulled) return pulled;
  const conversion = await refreshConversion(fetch, plan, before);
  const { paths, record, steps } = conversion;
  await discardOther(fetch, plan, conversion);
  await writeConversion(paths, record);
  await dropHalfDone(paths, record);
  let done = record;
  if (steps.convert) done = await convertWeights(fetch, plan, conversion);
  if (steps.quantize) done = await quantizeFloats(fetch, conversion, done);
  return await publishResult(fetch, plan, conversion, done);
};

const waitMs = 250;

/** Two conversions of the same weights would need the disk twice. */
const lockConversion = async ({ context, store, emit }: ModelFetch, { lock }: ConversionPaths): Promise<FileLock> => {
  for (let waited = false; ; waited = true) {
    const held = tryLockTemporaryFile(lock, store.layout.storeLock);
    if (held) return held;
    if (!waited) emit({ status: "waiting for another conversion of this model" });
    await sleep(context.clock, waitMs, context.signal);
  }
};

const discardOther = async ({ context, store }: ModelFetch, plan: PullPlan, { paths, targets }: Conversion) => {
  const own = [paths.id, ...targets.map((target) => target.paths.id)];
  const stale = await store.discardUnfinished(plan.model, own);
  if (stale > 0) context.log.info(`${plan.label} changed on the Hub since its download began; starting again`);
};

const publishResult = async (
  fetch: ModelFetch,
  plan: PullPlan,
  { paths, planned, steps }: Conversion,
  record: ConversionRecord,
): Promise<StoredModel | undefined> => {
  const result = record.finished.find(({ name }) => name === steps.resultName);
  if (!result) throw new AppError("internal", `the conversion of ${plan.label} has no result`);
  const { sizeBytes, llamaCpp } = result;
  const file: NewFile = {
    ...{ role: "model", name: `${plan.repository.name}-${planned.type}.gguf`, sizeBytes },
    ...(await contentOf(fetch, paths, record, result)),
  };
  const recipe = {
    ...{ type: planned.type, sources: planned.id, converter: converterVersion },
    ...(llamaCpp === undefined ? {} : { llamaCpp }),
  };
  try {
    const model = await publishPulled(fetch, plan, [file], recipe);
    if (model) await forget(fetch, plan, paths);
    return model;
  } catch (error) {
    if (error instanceof AppError && error.code === "corrupt") await dropConversion(paths); // it would be so again and again
    throw error;
  }
};

/** A kill between publication's steps leaves the file as a blob that no model has yet. */
const contentOf = async (
  fetch: ModelFetch,
  paths: ConversionPaths,
  record: ConversionRecord,
  result: FinishedFile,
): Promise<Pick<NewFile, "digest" | "content">> => {
  const { name, sizeBytes } = result;
  if (result.digest !== undefined && fetch.store.hasBlob(result.digest, sizeBytes))
    return { digest: result.digest, content: { kind: "stored" } };
  const path = join(paths.dir, name);
  fetch.emit({ status: "verifying the converted model" });
  const digest = `sha256:${await sha256Of(fetch, path, sizeBytes)}`;
  await noteDigest(paths, record, result, digest);
  return { digest, content: { kind: "partial", path } };
};

/** Downloads of weights that a killed pull has left beside its finished conversion go too. */
const forget = async ({ store }: ModelFetch, plan: PullPlan, paths: ConversionPaths): Promise<void> => {
  await dropConversion(paths);
  await store.discardUnfinished(plan.model, []);
};

const sha256Of = async ({ context }: ModelFetch, path: string, sizeBytes: number): Promise<string> => {
  const hash = trailingHash(path, sizeBytes, "sha256");
  const { signal } = context;
  signal.addEventListener("abort", hash.stop, { once: true });
  try {
    hash.advance(sizeBytes);
    return (await hash.digest).sha256;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", hash.stop);
  }
};
