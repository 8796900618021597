import { parseWeightIndex, shardNames, type WeightIndex } from "../convert/checkpoint/collect-tensors.ts";
import type { ConversionPlan } from "../convert/plan-conversion.ts";
import { sourceType } from "../convert/source-type.ts";
import { indexName } from "../convert/weight-files.ts";
import { type ConversionRecord, readConversion } from "../store/conversion-folder.ts";
import { allocated } from "../store/partial-downloads.ts";
import type { ConversionPaths } from "../store/store-layout.ts";
import { checkConvertible } from "./check-convertible.ts";
import type { PlannedConversion } from "./choose-conversion.ts";
import {
  type ConversionSteps,
  conversionSteps,
  conversionWork,
  type FloatFacts,
  type FloatFile,
  projectorFile,
} from "./conversion-steps.ts";
import { describeFloats, type Floats } from "./describe-floats.ts";
import { describeTarget, type ModelFetch, type Target } from "./fetch-file.ts";
import { fetchMetadata } from "./fetch-metadata.ts";
import { type Encoders, orLeftOut } from "./plan-encoders.ts";
import type { PullPlan } from "./pull-plan.ts";

/** A conversion, with all that is known before its first byte is written. */
export interface Conversion extends ConversionSources {
  /** Absent where no weights have to be converted any more. */
  floats?: Floats;
  record: ConversionRecord;
  steps: ConversionSteps;
}

/** What a conversion is made of. */
interface ConversionSources {
  planned: PlannedConversion;
  plan: ConversionPlan;
  encoders: Encoders;
  paths: ConversionPaths;
  /** Configuration and tokenizer, by their names. */
  metadata: ReadonlyMap<string, Uint8Array>;
  index?: WeightIndex;
  /** The shards, in the order in which they are converted. */
  targets: Target[];
}

/** Looks at everything and writes nothing. Throws `unsupported` for a model that cannot be converted, and as `describeTarget` does. */
export const describeConversion = async (
  fetch: ModelFetch,
  plan: PullPlan,
  planned: PlannedConversion,
): Promise<Conversion> => {
  const { context, store } = fetch;
  const paths = store.layout.conversion(planned.id);
  const metadata = await fetchMetadata(context, plan.repository, planned, paths.source);
  const { planConversion } = await import("../convert/plan-conversion.ts");
  const { planProjector } = await import("../convert/plan-projector.ts");
  const model = await checkConvertible(context, plan.repository, () => planConversion(metadata));
  const sources = {
    ...{ planned, paths, metadata, plan: model },
    encoders: model.hasEncoders ? orLeftOut((): Encoders => ({ projector: planProjector(metadata) })) : {},
    ...indexOf(metadata),
  };
  const wanted = new Set(
    shardNames(
      plan.files.map(({ file }) => file.path),
      sources.index,
    ),
  );
  const files = plan.files.filter(({ file }) => wanted.has(file.path));
  const targets = await Promise.all(files.map((file) => describeTarget(fetch, plan, file)));
  return await refreshConversion(fetch, plan, { ...sources, targets });
};

const indexOf = (metadata: ReadonlyMap<string, Uint8Array>) => {
  const bytes = metadata.get(indexName);
  return bytes ? { index: parseWeightIndex(bytes) } : {};
};

/** What is finished, looked at anew: another process may have gone on meanwhile. */
export const refreshConversion = async (
  fetch: ModelFetch,
  plan: PullPlan,
  conversion: ConversionSources & Partial<Conversion>,
): Promise<Conversion> => {
  const { paths, planned, metadata, targets } = conversion;
  const { finished = [], begun = [] } = (await readConversion(paths, fetch.store.hasBlob)) ?? {};
  const facts = {
    type: planned.type,
    source: sourceType(metadata.get("config.json")),
    weightsBytes: targets.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0),
    finished: finished.map(({ name }) => name),
  };
  const hoped = conversionWork({ ...facts, hasProjector: conversion.encoders.projector !== undefined });
  const describe = () => describeFloats(fetch, plan, { ...conversion, type: hoped.floatType });
  const floats = conversion.floats ?? (hoped.convert ? await describe() : undefined);
  const encoders = floats?.leftOut === undefined ? conversion.encoders : { leftOut: floats.leftOut };
  const { unmade } = conversionWork({ ...facts, hasProjector: encoders.projector !== undefined });
  const record = {
    ...{ model: plan.model, isDefault: plan.tag === plan.defaultTag, finished },
    begun: begun.filter((file) => unmade.some(({ name }) => name === file.name)),
  };
  const made = finished.find(({ name }) => name === projectorFile.name);
  const projectorBytes = encoders.projector && (floats?.projector ?? made)?.sizeBytes;
  const known = { ...conversion, encoders, record, ...(floats && { floats }) };
  const steps = conversionSteps({
    ...facts,
    ...(projectorBytes !== undefined && { projectorBytes }),
    ...(floats && unmade.length > 0 && { floats: await floatFacts({ ...known, floats }, unmade) }),
  });
  return { ...known, steps };
};

type Known = ConversionSources & Pick<Conversion, "record"> & { floats?: Floats };

/** Of a file that is not finished the shards that are not written into it yet. */
export const pendingShards = ({ targets, record, floats }: Known, { part, name }: FloatFile): Target[] => {
  const spent = record.begun.find((file) => file.name === name)?.spent ?? [];
  const isPart = ({ file }: Target) => part === "model" || floats?.projector?.bytesByShard.has(file.path);
  return targets.filter((target) => isPart(target) && !spent.includes(target.paths.id));
};

/** The shards that are needed for what is not finished. */
export const pendingTargets = (known: Known, unmade: readonly FloatFile[]): Target[] => {
  const pending = new Set(unmade.flatMap((file) => pendingShards(known, file)));
  return known.targets.filter((target) => pending.has(target));
};

const floatFacts = async (known: Known & { floats: Floats }, unmade: readonly FloatFile[]): Promise<FloatFacts> => {
  const { paths, metadata, floats, record } = known;
  const pending = unmade.map((file) => ({ shards: pendingShards(known, file), ...floats[file.part] }));
  const shards = pendingTargets(known, unmade).map(async (target) => {
    const { file, cached, sizeBytes } = target;
    const own = { sizeBytes, haveBytes: await allocated(target.paths.data) };
    const written = pending.map(({ shards, bytesByShard }) =>
      shards.includes(target) ? (bytesByShard?.get(file.path) ?? 0) : 0,
    );
    return { ...(cached === undefined ? own : { sizeBytes: 0, haveBytes: 0 }), writtenBytes: sum(written) };
  });
  const small = [...metadata.values(), ...floats.headers.values()];
  return {
    sizeBytes: sum(pending.map(({ sizeBytes = 0 }) => sizeBytes)),
    haveBytes: sum(await Promise.all(record.begun.map(({ name }) => allocated(`${paths.dir}/${name}`)))),
    smallBytes: sum(small.map(({ length }) => roundUp(length))),
    shards: await Promise.all(shards),
  };
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** To the block that nearly every file system has. */
const roundUp = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;
