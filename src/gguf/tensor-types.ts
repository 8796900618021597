export interface TensorType {
  /** As ggml writes it in upper case, e.g. `Q4_K`. */
  name: string;
  /** Elements that one block encodes; a row is a whole number of blocks. */
  blockElements: number;
  blockBytes: number;
}

const type = (name: string, blockElements: number, blockBytes: number): TensorType => ({
  name,
  blockElements,
  blockBytes,
});

/** ggml's tensor types by their number in a file (enum ggml_type, sizes of ggml-common.h). Removed numbers are absent. */
export const tensorTypes: ReadonlyMap<number, TensorType> = new Map([
  [0, type("F32", 1, 4)],
  [1, type("F16", 1, 2)],
  [2, type("Q4_0", 32, 18)],
  [3, type("Q4_1", 32, 20)],
  [6, type("Q5_0", 32, 22)],
  [7, type("Q5_1", 32, 24)],
  [8, type("Q8_0", 32, 34)],
  [9, type("Q8_1", 32, 36)],
  [10, type("Q2_K", 256, 84)],
  [11, type("Q3_K", 256, 110)],
  [12, type("Q4_K", 256, 144)],
  [13, type("Q5_K", 256, 176)],
  [14, type("Q6_K", 256, 210)],
  [15, type("Q8_K", 256, 292)],
  [16, type("IQ2_XXS", 256, 66)],
  [17, type("IQ2_XS", 256, 74)],
  [18, type("IQ3_XXS", 256, 98)],
  [19, type("IQ1_S", 256, 50)],
  [20, type("IQ4_NL", 32, 18)],
  [21, type("IQ3_S", 256, 110)],
  [22, type("IQ2_S", 256, 82)],
  [23, type("IQ4_XS", 256, 136)],
  [24, type("I8", 1, 1)],
  [25, type("I16", 1, 2)],
  [26, type("I32", 1, 4)],
  [27, type("I64", 1, 8)],
  [28, type("F64", 1, 8)],
  [29, type("IQ1_M", 256, 56)],
  [30, type("BF16", 1, 2)],
  [34, type("TQ1_0", 256, 54)],
  [35, type("TQ2_0", 256, 66)],
  [39, type("MXFP4", 32, 17)],
  [40, type("NVFP4", 64, 36)],
  [41, type("Q1_0", 128, 18)],
  [42, type("Q2_0", 64, 18)],
]);

const numbers: ReadonlyMap<string, number> = new Map([...tensorTypes].map(([number, { name }]) => [name, number]));

/** Number of the tensor type `name` in a file; throws RangeError for a name that ggml does not have. */
export const getTensorTypeNumber = (name: string): number => {
  const number = numbers.get(name);
  if (number === undefined) throw new RangeError(`unknown tensor type ${name}`);
  return number;
};

/** Bytes of a tensor; throws RangeError when the type is unknown or a row is not a whole number of blocks. */
export const tensorSizeBytes = (typeName: string, dims: readonly number[]): number => {
  const found = tensorTypes.get(getTensorTypeNumber(typeName));
  const [row = 1] = dims;
  if (found === undefined || row % found.blockElements !== 0)
    throw new RangeError(`a row of ${row} elements is not a whole number of ${typeName} blocks`);
  return (dims.reduce((product, dim) => product * dim, 1) / found.blockElements) * found.blockBytes;
};
