import { sourceType } from "../convert/source-type.ts";
import { type ConversionRecord, readConversion } from "../store/conversion-folder.ts";
import type { ConversionPaths } from "../store/store-layout.ts";
import { checkConvertible } from "./check-convertible.ts";
import type { PlannedConversion } from "./choose-conversion.ts";
import { type ConversionSteps, conversionSteps } from "./conversion-steps.ts";
import { describeTarget, leftBytes, type ModelFetch, type Target } from "./fetch-file.ts";
import { fetchMetadata } from "./fetch-metadata.ts";
import type { PullPlan } from "./pull-plan.ts";

/** A conversion, with all that is known before its first byte is written. */
export interface Conversion {
  planned: PlannedConversion;
  paths: ConversionPaths;
  /** Configuration and tokenizer, by their names. */
  metadata: ReadonlyMap<string, Uint8Array>;
  /** The repository also has encoders of pictures or sounds, which are not converted. */
  textOnly: boolean;
  /** The weights. */
  targets: Target[];
  record: ConversionRecord;
  steps: ConversionSteps;
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
  const { textOnly } = await checkConvertible(context, plan.repository, metadata);
  const targets = await Promise.all(plan.files.map((file) => describeTarget(fetch, plan, file)));
  const { model } = plan;
  const found = { model, isDefault: plan.tag === plan.defaultTag, finished: [] };
  return await refreshConversion({ planned, paths, metadata, textOnly, targets, record: found, steps: noSteps });
};

const noSteps: ConversionSteps = {
  ...{ floatType: "BF16", floatName: "", resultName: "", convert: false, quantize: false },
  ...{ resultBytes: 0, peakBytes: 0 },
};

/** What is finished, looked at anew: another process may have gone on meanwhile. */
export const refreshConversion = async (conversion: Conversion): Promise<Conversion> => {
  const { paths, planned, metadata, targets } = conversion;
  const { finished } = (await readConversion(paths)) ?? { finished: [] };
  const own = targets.filter(({ cached }) => cached === undefined);
  const steps = conversionSteps({
    type: planned.type,
    source: sourceType(metadata.get("config.json")),
    weightsBytes: sum(targets),
    leftBytes: await leftBytes(own),
    freedBytes: sum(own),
    finished: finished.map(({ name }) => name),
  });
  return { ...conversion, record: { ...conversion.record, finished }, steps };
};

const sum = (targets: readonly Target[]): number => targets.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
