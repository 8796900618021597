/** Quantization names of `general.file_type` (enum llama_ftype), as model files and Ollama spell them. */
const fileTypes: ReadonlyMap<number, string> = new Map([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [7, "Q8_0"],
  [8, "Q5_0"],
  [9, "Q5_1"],
  [10, "Q2_K"],
  [11, "Q3_K_S"],
  [12, "Q3_K_M"],
  [13, "Q3_K_L"],
  [14, "Q4_K_S"],
  [15, "Q4_K_M"],
  [16, "Q5_K_S"],
  [17, "Q5_K_M"],
  [18, "Q6_K"],
  [19, "IQ2_XXS"],
  [20, "IQ2_XS"],
  [21, "Q2_K_S"],
  [22, "IQ3_XS"],
  [23, "IQ3_XXS"],
  [24, "IQ1_S"],
  [25, "IQ4_NL"],
  [26, "IQ3_S"],
  [27, "IQ3_M"],
  [28, "IQ2_S"],
  [29, "IQ2_M"],
  [30, "IQ4_XS"],
  [31, "IQ1_M"],
  [32, "BF16"],
  [36, "TQ1_0"],
  [37, "TQ2_0"],
  [38, "MXFP4"],
  [39, "NVFP4"],
  [40, "Q1_0"],
  [41, "Q2_0"],
]);

const numbers: ReadonlyMap<string, number> = new Map([...fileTypes].map(([number, name]) => [name, number]));

/** `15` -> `Q4_K_M`; undefined for a number that llama.cpp does not know. */
export const findFileTypeName = (fileType: number): string | undefined => fileTypes.get(fileType);

/** `Q4_K_M` -> `15`; throws RangeError for an unknown name. */
export const getFileTypeNumber = (name: string): number => {
  const number = numbers.get(name);
  if (number === undefined) throw new RangeError(`unknown file type ${name}`);
  return number;
};
