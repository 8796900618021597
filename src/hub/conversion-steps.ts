import { estimateBytes, type FloatType, isFloatType, type Quantization } from "../convert/quantizations.ts";
import { type ShardFacts, shardSteps } from "./shard-steps.ts";

export interface ConversionFacts {
  /** What is wanted. */
  type: Quantization;
  /** What the weights are kept in. */
  source: FloatType;
  weightsBytes: number;
  /** Names of the files that are whole. */
  finished: readonly string[];
  /** What is to be converted; absent where nothing is. */
  floats?: FloatFacts;
}

/** The file of floats, before it is finished. */
export interface FloatFacts {
  /** Of the whole file. */
  sizeBytes: number;
  /** Disk space that it takes already. */
  haveBytes: number;
  /** Of configuration, tokenizer and headers, which lie beside the shards. */
  smallBytes: number;
  /** Those that are not converted yet. */
  shards: readonly ShardFacts[];
}

/** What is left to do of a conversion, and what it takes. */
export interface ConversionSteps {
  /** What the weights become first, and where that is kept. */
  floatType: FloatType;
  floatName: string;
  resultName: string;
  /** Download, and convert. */
  convert: boolean;
  quantize: boolean;
  resultBytes: number;
  /** Disk space that is needed beside what is in use already, at the worst moment. */
  peakBytes: number;
  /** For each shard to be converted whether the next one is downloaded meanwhile. */
  overlaps: readonly boolean[];
}

const bytesPerWeight = { F32: 4, F16: 2, BF16: 2 } as const satisfies Record<FloatType, number>;

/** Half floats keep more of half floats than brain floats would. */
const floatTypeFor = (type: Quantization, source: FloatType): FloatType =>
  isFloatType(type) ? type : source === "F16" ? "F16" : "BF16";

/** What has to be done, without what it takes. */
type Work = Pick<ConversionSteps, "floatType" | "floatName" | "resultName" | "convert" | "quantize">;

/** What is left to do; pure. */
export const conversionWork = ({
  type,
  source,
  finished,
}: Pick<ConversionFacts, "type" | "source" | "finished">): Work => {
  const floatType = floatTypeFor(type, source);
  const floatName = `${floatType}.gguf`;
  const resultName = `${type}.gguf`;
  const isMade = finished.includes(resultName);
  return {
    ...{ floatType, floatName, resultName },
    convert: !isMade && !finished.includes(floatName),
    quantize: type !== floatType && !isMade,
  };
};

/** What is left to do, and what it takes; pure. */
export const conversionSteps = (facts: ConversionFacts): ConversionSteps => {
  const { type, source, weightsBytes, floats } = facts;
  const work = conversionWork(facts);
  const resultBytes = estimateBytes(weightsBytes / bytesPerWeight[source], type);
  const quantizing = work.quantize ? resultBytes : 0;
  if (!floats) return { ...work, resultBytes, peakBytes: quantizing, overlaps: [] };
  const { shards, haveBytes, smallBytes } = floats;
  const pending = shards.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0);
  const before = floats.sizeBytes - pending + smallBytes;
  const { peakBytes, overlaps } = shardSteps(shards, before, floats.sizeBytes + quantizing);
  const inUse = shards.reduce((sum, shard) => sum + shard.haveBytes, haveBytes);
  return { ...work, resultBytes, peakBytes: Math.max(0, peakBytes - inUse), overlaps };
};
