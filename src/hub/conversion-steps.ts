import { estimateBytes, type FloatType, isFloatType, type Quantization } from "../convert/quantizations.ts";

export interface ConversionFacts {
  /** What is wanted. */
  type: Quantization;
  /** What the weights are kept in. */
  source: FloatType;
  weightsBytes: number;
  /** Disk space that their download still takes. */
  leftBytes: number;
  /** Disk space that comes back when they are deleted; none of what another program's cache has as well. */
  freedBytes: number;
  /** Names of the files that are whole. */
  finished: readonly string[];
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
}

const bytesPerWeight = { F32: 4, F16: 2, BF16: 2 } as const satisfies Record<FloatType, number>;

/**
 * What is left to do; pure. All shards stay until the conversion is through: llama.cpp's order of the tensors is another than the shards', and
 * only the whole of them says where each one goes. They are deleted before quantizing, which is why that adds nothing to the peak.
 */
export const conversionSteps = ({
  type,
  source,
  weightsBytes,
  leftBytes,
  freedBytes,
  finished,
}: ConversionFacts): ConversionSteps => {
  // Half floats keep more of half floats than brain floats would.
  const floatType = isFloatType(type) ? type : source === "F16" ? "F16" : "BF16";
  const floatName = `${floatType}.gguf`;
  const resultName = `${type}.gguf`;
  const weights = weightsBytes / bytesPerWeight[source];
  const resultBytes = estimateBytes(weights, type);
  const quantize = type !== floatType && !finished.includes(resultName);
  const convert = !finished.includes(resultName) && !finished.includes(floatName);
  const floatBytes = estimateBytes(weights, floatType);
  const converting = convert ? leftBytes + floatBytes : 0;
  const quantizing = quantize ? (convert ? converting - freedBytes : 0) + resultBytes : 0;
  return {
    ...{ floatType, floatName, resultName, resultBytes, convert, quantize },
    peakBytes: Math.max(converting, quantizing),
  };
};
