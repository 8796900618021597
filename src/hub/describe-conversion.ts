import { parseWeightIndex, shardNames, type WeightIndex } from "../convert/checkpoint/collect-tensors.ts";
import type { ConversionPlan } from "../convert/plan-conversion.ts";
import { sourceType } from "../convert/source-type.ts";
import { indexName } from "../convert/weight-files.ts";
import { type BegunFile, type ConversionRecord, readConversion } from "../store/conversion-folder.ts";
import { allocated } from "../store/partial-downloads.ts";
import type { ConversionPaths } from "../store/store-layout.ts";
import { checkConvertible } from "./check-convertible.ts";
import type { PlannedConversion } from "./choose-conversion.ts";
import { type ConversionSteps, conversionSteps, conversionWork, type FloatFacts } from "./conversion-steps.ts";
import { describeFloats, type Floats } from "./describe-floats.ts";
import { describeTarget, type ModelFetch, type Target } from "./fetch-file.ts";
import { fetchMetadata } from "./fetch-metadata.ts";
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
  const sources = {
    ...{ planned, paths, metadata },
    plan: await checkConvertible(context, plan.repository, () => planConversion(metadata)),
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
  const found = await readConversion(paths, fetch.store.hasBlob);
  const finished = found?.finished ?? [];
  const facts = {
    type: planned.type,
    source: sourceType(metadata.get("config.json")),
    weightsBytes: targets.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0),
    finished: finished.map(({ name }) => name),
  };
  const { convert, floatType, floatName } = conversionWork(facts);
  const begun = convert && found?.begun?.name === floatName ? found.begun : undefined;
  const isDefault = plan.tag === plan.defaultTag;
  const record = { model: plan.model, isDefault, finished, ...(begun && { begun }) };
  if (!convert) return { ...conversion, record, steps: conversionSteps(facts) };
  const floats = conversion.floats ?? (await describeFloats(fetch, plan, { ...conversion, type: floatType }));
  const steps = conversionSteps({ ...facts, floats: await floatFacts({ ...conversion, floats }, begun) });
  return { ...conversion, floats, record, steps };
};

/** The shards that are not converted yet. */
export const pendingTargets = ({ targets }: ConversionSources, begun: BegunFile | undefined): Target[] =>
  targets.filter(({ paths }) => !begun?.spent.includes(paths.id));

const floatFacts = async (
  conversion: ConversionSources & { floats: Floats },
  begun: BegunFile | undefined,
): Promise<FloatFacts> => {
  const { paths, metadata, floats } = conversion;
  const { sizeBytes, headers, bytesByShard } = floats;
  const shards = pendingTargets(conversion, begun).map(async ({ file, cached, ...target }) => {
    const own = { sizeBytes: target.sizeBytes, haveBytes: await allocated(target.paths.data) };
    const writtenBytes = bytesByShard.get(file.path) ?? 0;
    return { ...(cached === undefined ? own : { sizeBytes: 0, haveBytes: 0 }), writtenBytes };
  });
  const small = [...metadata.values(), ...headers.values()];
  return {
    sizeBytes,
    haveBytes: begun ? await allocated(`${paths.dir}/${begun.name}`) : 0,
    smallBytes: small.reduce((bytes, { length }) => bytes + roundUp(length), 0),
    shards: await Promise.all(shards),
  };
};

/** To the block that nearly every file system has. */
const roundUp = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;
