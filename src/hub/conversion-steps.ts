import type { ModelPart } from "../convert/conversion-job.ts";
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
  /** Of the projector, where there is or will be one. */
  projectorBytes?: number;
  /** What is to be converted; absent where nothing is. */
  floats?: FloatFacts;
}

/** The files of floats that are not finished. */
export interface FloatFacts {
  /** Of all of them, when they are whole. */
  sizeBytes: number;
  /** Disk space that they take already. */
  haveBytes: number;
  /** Of configuration, tokenizer and headers, which lie beside the shards. */
  smallBytes: number;
  /** Those that are not converted yet. */
  shards: readonly ShardFacts[];
}

/** A GGUF of floats that is made of weights. */
export interface FloatFile {
  part: ModelPart;
  type: FloatType;
  /** Where it is kept. */
  name: string;
}

/** What is left to do of a conversion, and what it takes. */
export interface ConversionSteps {
  /** What the weights of the language model become first, and where that is kept. */
  floatType: FloatType;
  floatName: string;
  resultName: string;
  /** What is not converted yet. */
  unmade: readonly FloatFile[];
  /** Download, and convert: whether there is such a file. */
  convert: boolean;
  quantize: boolean;
  /** Of the model and its projector, as far as it has one. */
  resultBytes: number;
  projectorBytes?: number;
  /** Disk space that is needed beside what is in use already, at the worst moment. */
  peakBytes: number;
  /** For each shard to be converted whether the next one is downloaded meanwhile. */
  overlaps: readonly boolean[];
}

const bytesPerWeight = { F32: 4, F16: 2, BF16: 2 } as const satisfies Record<FloatType, number>;

/** Half floats keep more of half floats than brain floats would. */
const floatTypeFor = (type: Quantization, source: FloatType): FloatType =>
  isFloatType(type) ? type : source === "F16" ? "F16" : "BF16";

/**
 * The projector: always half floats, which every processor computes with, and which hold brain floats of a usual size without loss. It is what
 * llama.cpp's users publish; and all quantizations of a model share the one.
 */
export const projectorFile = {
  part: "projector",
  type: "F16",
  name: "projector_F16.gguf",
} as const satisfies FloatFile;

/** What has to be done, without what it takes. */
type Work = Omit<ConversionSteps, "resultBytes" | "projectorBytes" | "peakBytes" | "overlaps">;

interface WorkFacts extends Pick<ConversionFacts, "type" | "source" | "finished"> {
  hasProjector: boolean;
}

/** What is left to do; pure. */
export const conversionWork = ({ type, source, finished, hasProjector }: WorkFacts): Work => {
  const floatType = floatTypeFor(type, source);
  const floatName = `${floatType}.gguf`;
  const resultName = `${type}.gguf`;
  const isMade = finished.includes(resultName);
  const files: readonly FloatFile[] = [
    ...(isMade ? [] : [{ part: "model", type: floatType, name: floatName } as const]),
    ...(hasProjector ? [projectorFile] : []),
  ];
  const unmade = files.filter(({ name }) => !finished.includes(name));
  return {
    ...{ floatType, floatName, resultName, unmade },
    convert: unmade.length > 0,
    quantize: type !== floatType && !isMade,
  };
};

/** What is left to do, and what it takes; pure. */
export const conversionSteps = (facts: ConversionFacts): ConversionSteps => {
  const { type, source, weightsBytes, projectorBytes, floats } = facts;
  const work = conversionWork({ ...facts, hasProjector: projectorBytes !== undefined });
  const apart = (projectorBytes ?? 0) / bytesPerWeight[projectorFile.type];
  const modelBytes = estimateBytes(weightsBytes / bytesPerWeight[source] - apart, type);
  const resultBytes = modelBytes + (projectorBytes ?? 0);
  const quantizing = work.quantize ? modelBytes : 0;
  const known = { ...work, resultBytes, ...(projectorBytes !== undefined && { projectorBytes }) };
  if (!floats) return { ...known, peakBytes: quantizing, overlaps: [] };
  const { shards, haveBytes, smallBytes } = floats;
  const pending = shards.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0);
  const before = floats.sizeBytes - pending + smallBytes;
  const { peakBytes, overlaps } = shardSteps(shards, before, floats.sizeBytes + quantizing);
  const inUse = shards.reduce((sum, shard) => sum + shard.haveBytes, haveBytes);
  return { ...known, peakBytes: Math.max(0, peakBytes - inUse), overlaps };
};
