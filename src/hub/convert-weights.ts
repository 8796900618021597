import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type ConversionRecord, finishFile, linkSource, writeSource } from "../store/conversion-folder.ts";
import { deletePartial } from "../store/partial-downloads.ts";
import type { Conversion } from "./describe-conversion.ts";
import { fetchFile, type ModelFetch } from "./fetch-file.ts";
import type { PullPlan } from "./pull-plan.ts";
import { stepProgress } from "./pull-progress.ts";

/** Downloads the weights and makes one GGUF of floats of them, then deletes them: what follows needs them no more. */
export const convertWeights = async (
  fetch: ModelFetch,
  plan: PullPlan,
  { paths, metadata, targets, steps }: Conversion,
  record: ConversionRecord,
): Promise<ConversionRecord> => {
  const { context, store, converter, emit } = fetch;
  using locks = new DisposableStack();
  for (const target of targets) {
    const { content, digest } = await fetchFile(fetch, target, locks);
    await linkSource(paths, target.file.path, content.kind === "partial" ? content.path : store.blobPath(digest));
  }
  for (const [name, bytes] of metadata) await writeSource(paths, name, bytes);
  context.signal.throwIfAborted();
  const status = `converting to ${steps.floatType}`;
  emit({ status });
  const output = join(paths.dir, "floats.tmp");
  const { name } = plan.repository;
  await converter.run(
    { type: "convert", dir: paths.source, output, target: steps.floatType, name },
    { signal: context.signal, onProgress: stepProgress(status, context.clock, emit) },
  );
  const done = await finishFile(paths, record, { from: output, name: steps.floatName });
  await rm(paths.source, { recursive: true, force: true });
  for (const target of targets) await deletePartial(target.paths);
  return done;
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
