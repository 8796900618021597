import { rm } from "node:fs/promises";
import { join } from "node:path";
import { headerFile } from "../convert/checkpoint/read-shards.ts";
import type { ModelPart } from "../convert/conversion-job.ts";
import { AppError } from "../core/errors.ts";
import {
  type ConversionRecord,
  dropConversion,
  finishFile,
  linkSource,
  spendSource,
  unlinkSource,
  writeSource,
} from "../store/conversion-folder.ts";
import { tryLockTemporaryFile } from "../store/file-lock.ts";
import { deletePartial } from "../store/partial-downloads.ts";
import type { FloatFile } from "./conversion-steps.ts";
import { type Conversion, pendingShards, pendingTargets } from "./describe-conversion.ts";
import { diskError } from "./disk-access.ts";
import { fetchFile, type ModelFetch, type Target } from "./fetch-file.ts";
import type { PullPlan } from "./pull-plan.ts";
import { stepProgress } from "./pull-progress.ts";

/**
 * Downloads shard after shard, has each written into the GGUF of floats and into that of the projector, and deletes it. The next one is
 * downloaded while one is converted, where the steps say that there is room for both. When it returns or throws, neither a download nor a conversion is under way.
 */
export const convertWeights = async (
  fetch: ModelFetch,
  plan: PullPlan,
  conversion: Conversion,
): Promise<ConversionRecord> => {
  const failed = new AbortController();
  const signal = AbortSignal.any([fetch.context.signal, failed.signal]);
  const inner: ModelFetch = { ...fetch, context: { ...fetch.context, signal } };
  using locks = new DisposableStack();
  const pending = pendingTargets(conversion, conversion.steps.unmade);
  const convert = shardConverter(inner, plan, conversion);
  let converting: Promise<ConversionRecord> = Promise.resolve(conversion.record);
  try {
    await prepareSources(conversion);
    await clearSpent(fetch, conversion, pending);
    for (const [index, target] of pending.entries()) {
      const held = locks.use(new DisposableStack());
      await fetchShard(inner, conversion, target, held);
      await converting;
      converting = convert(target, held);
      converting.catch((error) => failed.abort(error)); // ends the download beside it, which then throws the same
      if (!conversion.steps.overlaps[index]) await converting;
    }
    const done = await converting;
    await rm(conversion.paths.source, { recursive: true, force: true });
    return done;
  } catch (error) {
    failed.abort(error);
    await converting.catch(() => undefined);
    const at = { disk: fetch.disk, folder: conversion.paths.dir, neededBytes: conversion.steps.peakBytes };
    throw await diskError(error, at);
  }
};

const prepareSources = async ({ paths, metadata, floats }: Conversion): Promise<void> => {
  for (const [name, bytes] of metadata) await writeSource(paths, name, bytes);
  for (const [shard, bytes] of floats?.headers ?? []) await writeSource(paths, headerFile(shard), bytes);
};

/** A kill may have come between the record and the deletion of the shard that it tells of. */
const clearSpent = async (
  { store }: ModelFetch,
  { paths, targets }: Conversion,
  pending: readonly Target[],
): Promise<void> => {
  for (const target of targets) {
    if (pending.includes(target)) continue;
    target.progress.finish();
    await unlinkSource(paths, target.file.path);
    using lock = tryLockTemporaryFile(target.paths.lock, store.layout.storeLock);
    if (lock) await deletePartial(target.paths); // else another repository's pull has the same content under way
  }
};

const fetchShard = async (fetch: ModelFetch, { paths }: Conversion, target: Target, locks: DisposableStack) => {
  const { content, digest } = await fetchFile(fetch, target, locks);
  await linkSource(paths, target.file.path, content.kind === "partial" ? content.path : fetch.store.blobPath(digest));
};

/** Writes one shard after the other into the files of floats; each time the record says so before the shard is deleted. */
const shardConverter = (
  fetch: ModelFetch,
  plan: PullPlan,
  conversion: Conversion,
): ((target: Target, held: Disposable) => Promise<ConversionRecord>) => {
  const { paths, steps } = conversion;
  const writers = steps.unmade.map((file) => ({
    shards: pendingShards(conversion, file),
    write: fileWriter(fetch, plan, conversion, file),
  }));
  let current = conversion.record;
  return async (target, held) => {
    for (const { shards, write } of writers)
      if (shards.includes(target)) current = await write(current, target, target === shards.at(-1));
    await unlinkSource(paths, target.file.path);
    await deletePartial(target.paths);
    held[Symbol.dispose]();
    return current;
  };
};

const statuses: Record<ModelPart, (type: string) => string> = {
  model: (type) => `converting to ${type}`,
  projector: (type) => `converting the projector to ${type}`,
};

/** Writes a shard's part of one file. */
const fileWriter = (
  { context, converter, emit }: ModelFetch,
  plan: PullPlan,
  conversion: Conversion,
  file: FloatFile,
): ((record: ConversionRecord, target: Target, isLast: boolean) => Promise<ConversionRecord>) => {
  const { paths, floats } = conversion;
  const { sizeBytes: total = 0, bytesByShard } = floats?.[file.part] ?? {};
  const bytesOf = (target: Target) => bytesByShard?.get(target.file.path) ?? 0;
  const show = stepProgress(statuses[file.part](file.type), context.clock, emit);
  let before = total - pendingShards(conversion, file).reduce((bytes, target) => bytes + bytesOf(target), 0);
  return async (record, target, isLast) => {
    context.signal.throwIfAborted();
    show(before, total);
    const job = {
      ...{ type: "convert" as const, dir: paths.source, output: join(paths.dir, file.name) },
      ...{ part: file.part, target: file.type, name: plan.repository.name, shard: target.file.path },
      begun: record.begun.some(({ name }) => name === file.name),
    };
    const onProgress = (done: number) => show(before + done, total);
    await converter.run(job, { signal: context.signal, onProgress }).catch(async (error) => {
      // What the Hub said before the download is not what came: nothing that was made of it is of use.
      if (error instanceof AppError && error.code === "corrupt") await dropConversion(paths);
      throw error;
    });
    before += bytesOf(target);
    if (isLast) show(total, total);
    return await spendSource(paths, record, { name: file.name, id: target.paths.id, isLast });
  };
};

/** Makes the model that is wanted of the floats, which stay until it is published: should it be removed meanwhile, they are there. */
export const quantizeFloats = async (
  { context, converter, threads, emit }: ModelFetch,
  { paths, planned, steps }: Conversion,
  record: ConversionRecord,
): Promise<ConversionRecord> => {
  const input = join(paths.dir, steps.floatName);
  const output = join(paths.dir, "quantized.tmp");
  const total = record.finished.find(({ name }) => name === steps.floatName)?.sizeBytes ?? 0;
  const status = `quantizing to ${planned.type}`;
  const show = stepProgress(status, context.clock, emit);
  emit({ status });
  const { llamaCpp } = await converter.run(
    { type: "quantize", input, output, target: planned.type, ...(threads === undefined ? {} : { threads }) },
    { signal: context.signal, onProgress: (done, whole) => show(Math.round((done / whole) * total), total) },
  );
  show(total, total);
  const more = llamaCpp === undefined ? {} : { llamaCpp };
  return await finishFile(paths, record, { from: output, name: steps.resultName, ...more });
};
