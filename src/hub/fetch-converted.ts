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
import type { FileRole, Recipe } from "../store/manifest.ts";
import type { NewFile } from "../store/publish-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { ConversionPaths } from "../store/store-layout.ts";
import type { PlannedConversion } from "./choose-conversion.ts";
import { projectorFile } from "./conversion-steps.ts";
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
  const { leftOut } = before.encoders;
  if (leftOut !== undefined)
    fetch.emit({ status: `converting the text part only, so that the model will neither see nor hear: ${leftOut}` });
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
  conversion: Conversion,
  record: ConversionRecord,
): Promise<StoredModel | undefined> => {
  const { paths, planned, encoders, steps } = conversion;
  const { name } = plan.repository;
  const results: [FileRole, string, FinishedFile][] = [
    ["model", `${name}-${planned.type}.gguf`, getFinished(plan, record, steps.resultName)],
  ];
  if (encoders.projector)
    results.push([
      "projector",
      `mmproj-${name}-${projectorFile.type}.gguf`,
      getFinished(plan, record, projectorFile.name),
    ]);
  const files: NewFile[] = [];
  let current = record;
  for (const [role, title, result] of results) {
    const { digest, content } = await contentOf(fetch, paths, result);
    files.push({ role, name: title, sizeBytes: result.sizeBytes, digest, content });
    if (content.kind === "partial") current = await noteDigest(paths, current, result, digest);
  }
  try {
    const model = await publishPulled(fetch, plan, files, recipeOf(conversion, results));
    if (model) await forget(fetch, plan, paths);
    return model;
  } catch (error) {
    if (error instanceof AppError && error.code === "corrupt") await dropConversion(paths); // it would be so again and again
    throw error;
  }
};

const getFinished = ({ label }: PullPlan, { finished }: ConversionRecord, wanted: string): FinishedFile => {
  const result = finished.find(({ name }) => name === wanted);
  if (!result) throw new AppError("internal", `the conversion of ${label} has no ${wanted}`);
  return result;
};

const recipeOf = (
  { planned, encoders: { leftOut } }: Conversion,
  results: readonly (readonly [FileRole, string, FinishedFile])[],
): Recipe => {
  const llamaCpp = results[0]?.[2].llamaCpp;
  return {
    ...{ type: planned.type, sources: planned.id, converter: converterVersion },
    ...(llamaCpp === undefined ? {} : { llamaCpp }),
    ...(leftOut === undefined ? {} : { leftOut }),
  };
};

/** A kill between publication's steps leaves the file as a blob that no model has yet. */
const contentOf = async (
  fetch: ModelFetch,
  paths: ConversionPaths,
  { name, sizeBytes, digest }: FinishedFile,
): Promise<Pick<NewFile, "digest" | "content">> => {
  if (digest !== undefined && fetch.store.hasBlob(digest, sizeBytes)) return { digest, content: { kind: "stored" } };
  const path = join(paths.dir, name);
  fetch.emit({ status: "verifying the converted model" });
  return { digest: `sha256:${await sha256Of(fetch, path, sizeBytes)}`, content: { kind: "partial", path } };
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
